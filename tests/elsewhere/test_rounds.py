"""Rounds of one exchange are joined by the sealed state that the client carries, whatever it does with it."""

import hashlib
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.elsewhere import linked
from tests.elsewhere.conftest import Mode
from tests.elsewhere.linked import Event
from tests.integration import trail
from tests.integration.process import script_server
from tests.scenes import scenes
from tests.scenes.accounts import ALICE, BOB
from tests.scenes.http_wire import HttpWire
from tests.scenes.kernel import FASTMCP, MODERN
from tests.scenes.log import ClientLog, Expected
from tests.scenes.processes import ServerProcess, environment
from tests.scenes.scenes import Scene

SCRIPT = Path(__file__).with_name("climbing.py")

pytestmark = pytest.mark.skipif(not MODERN, reason="rounds came with mcp 2")

HUGE = "v1." + "A" * 1_000_000
"""Looks like a state, and is none."""


OTHERS = "input_required" if FASTMCP else "protocol_error"
"""fastmcp binds a state to the OAuth client, not to its user: one may go on for another, and the trail shows it."""


def name_of(state: str) -> str:
    """What a trail calls a state."""
    return hashlib.sha256(state.encode()).hexdigest()[:32]


@dataclass
class Climb:
    """Two users of a server, and the log that they keep together.

    Attributes:
        states: every state that they were given, in that order.
    """

    folder: Path
    log: ClientLog
    alice: HttpWire
    bob: HttpWire
    states: list[str] = field(default_factory=list[str])

    def step(self, wire: HttpWire, outcome: str, state: object = None) -> str:
        """One round; answers the state that it gives, if any."""
        brought = {} if state is None else {"requestState": state}
        scene = Scene(outcome, {"name": "climb", "arguments": {}, **brought}, Expected(outcome=outcome))
        answer = wire.call(scene).answer or ""
        found = re.search(r'"requestState":"([^"]+)"', answer)
        assert (found is not None) == (outcome == "input_required"), answer
        self.states += [found[1]] if found else []
        return found[1] if found else ""

    def records(self) -> list[Event]:
        """The records in the order of the log, each call with its one; no state is anywhere in the journal."""
        for path in self.folder.glob("*/[0-9]*"):
            assert not any(state in path.read_text(encoding="utf-8") for state in self.states)
        kept = linked.calls(self.folder)
        found = [[event for event in kept if event["request"]["id"] == made.key] for made in self.log.made]
        assert [len(events) for events in found] == [1] * len(self.log.made)
        return [event for (event,) in found]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Path, int]]:
    """A running server: its journal, its port. All that was answered is on record, as soon as it is answered."""
    folder = tmp_path_factory.mktemp("rounds")
    with script_server(SCRIPT, environment(folder)) as server:
        yield folder, server.port()
        server.terminate()
    trail.assert_sound(folder)


@pytest.fixture
def climb(serving: tuple[Path, int], request: pytest.FixtureRequest) -> Climb:
    """Two users who have not called yet."""
    folder, port = serving
    log = ClientLog()
    name = str(request.node.name)[:48]
    alice, bob = (HttpWire(port, f"{user.user}-{name}", user, log, "modern") for user in (ALICE, BOB))
    return Climb(folder, log, alice, bob)


def test_each_round_is_joined_to_the_one_before_and_the_one_after(climb: Climb, mode: Mode) -> None:
    mode("rounds: four of one exchange, two exchanges at once")
    first, other = climb.step(climb.alice, "input_required"), climb.step(climb.bob, "input_required")
    second = climb.step(climb.alice, "input_required", first)
    others = climb.step(climb.bob, "input_required", other)
    third = climb.step(climb.alice, "input_required", second)
    climb.step(climb.alice, "success", third)
    records = climb.records()
    assert [event["link"] for event in records] == [
        {"id": name_of(first), "type": "round"},
        {"id": name_of(other), "type": "round"},
        {"id": name_of(first), "next": name_of(second), "type": "round"},
        {"id": name_of(other), "next": name_of(others), "type": "round"},
        {"id": name_of(second), "next": name_of(third), "type": "round"},
        {"id": name_of(third), "type": "round"},
    ]
    assert len(set(climb.states)) == len(climb.states)  # no two rounds share a state: it names one


def test_whoever_answers_a_round_that_is_not_his_is_seen_to(climb: Climb, mode: Mode) -> None:
    mode("rounds: answered by somebody else, forged, repeated, 1 MB of state")
    state = climb.step(climb.alice, "input_required")
    climb.step(climb.bob, OTHERS, state)
    climb.step(climb.alice, "protocol_error", "forged")
    climb.step(climb.alice, "protocol_error", HUGE)
    climb.step(climb.alice, "input_required", state)
    climb.step(climb.alice, "input_required", state)
    asked, others, forged, huge, again, repeated = climb.records()
    assert others["link"]["id"] == asked["link"]["id"]
    assert [event["user"]["id"] for event in (asked, others)] == ["alice", "bob"]
    assert linked.outcomes([others])[0].startswith(OTHERS)
    assert [event["response"]["status_code"] for event in (forged, huge)] == [-32602] * 2
    assert [event["link"]["id"] for event in (forged, huge)] == [name_of("forged"), name_of(HUGE)]
    assert {event["link"]["id"] for event in (asked, again, repeated)} == {name_of(state)}
    assert again["link"]["next"] != repeated["link"]["next"]


def test_rounds_with_a_server_that_a_tool_asks_are_not_the_tools_own(climb: Climb, mode: Mode) -> None:
    mode("rounds: between a tool and a server that it asks")
    made = climb.alice.call(scenes.Scene("guided", {"name": "guided", "arguments": {}}, Expected(outcome="success")))
    assert "at the top" in str(made.answer)
    (event,) = climb.records()
    assert linked.outcomes([event]) == ["success"]
    assert "link" not in event


def test_a_state_that_is_no_text_is_refused_and_joins_nothing(climb: Climb, mode: Mode) -> None:
    mode("rounds: a state that is no text")
    for state in (7, ["x"], {"a": 1}):
        made = climb.alice.call(
            Scene("refused", {"name": "climb", "arguments": {}, "requestState": state}, Expected(outcome=...))  # pyright: ignore[reportArgumentType] -- either end refuses it in its own way
        )
        assert '"error"' in str(made.answer)
    assert ["link" in event for event in climb.records()] == [False] * 3


@pytest.mark.skipif(bool(FASTMCP), reason="fastmcp seals by itself")
def test_a_state_that_the_server_does_not_seal_is_not_named_since_it_could_be_guessed(
    tmp_path: Path, mode: Mode
) -> None:
    mode("rounds: of a low-level server that does not seal")
    log = ClientLog()
    with ServerProcess("lowlevel", "http", environment(tmp_path)) as server:
        wire = HttpWire(server.port(), "alice", ALICE, log, "modern")
        wire.call(scenes.ASKS)
        wire.call(scenes.answered("asked once"))
        server.terminate()
    trail.assert_kept(log, tmp_path)
    assert ["link" in event for event in linked.calls(tmp_path)] == [False, False]
