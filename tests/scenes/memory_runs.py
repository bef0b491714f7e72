"""The runs with client and server in one process: what the journal grew by is what a scene left."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.scenes import inprocess, kernel, offers, scenes
from tests.scenes.kernel import Era, Style
from tests.scenes.log import Expected
from tests.scenes.processes import PATIENCE, Lines, command, environment
from tests.scenes.reconcile import Kept, journal_lines, kept
from tests.scenes.runs import await_condition
from tests.scenes.servers import LEAKED
from tests.scenes.tools import started

SCRIPT: Final = Path(__file__).with_name("inprocess.py")
DISCONNECTED: Final = "client left in flight"
CANCELLED: Final = "cancelled"
BLOCKING: Final = "cancelled, tool that cannot stop"
UNANSWERED: Final = frozenset({CANCELLED, BLOCKING, DISCONNECTED})
"""Scenes that do not end by themselves."""

OWN: Final = (
    *(inprocess.READ, inprocess.READ_UNKNOWN, inprocess.READ_BROKEN),
    *(inprocess.GET, inprocess.GET_UNKNOWN, inprocess.GET_REFUSED),
)
"""What a server asks itself, beside calls of its tools."""

_READ: Final = ("resources/read", {"uri": offers.TEXT})
_READ_UNKNOWN: Final = ("resources/read", {"uri": "scenes://nope"})
_GET: Final = ("prompts/get", {"name": "greet"})
_GET_UNKNOWN: Final = ("prompts/get", {"name": "nope"})

SENT: Final[dict[str, tuple[str, dict[str, str]]]] = {
    **{name: (name, {}) for name in inprocess.ASKED[4:]},
    **dict(zip(inprocess.ASKED[:4], (_READ, _READ_UNKNOWN, _GET, _GET_UNKNOWN), strict=True)),
    **dict(zip(OWN, (_READ, _READ_UNKNOWN, ("resources/read", {"uri": offers.BROKEN})), strict=False)),
    **dict(zip(OWN[3:], (_GET, _GET_UNKNOWN, _GET), strict=True)),
}
"""Method and target of each scene that is no call of a tool."""


@dataclass
class MemoryRun:
    """The records that each scene added, in the order of their appending."""

    folder: Path
    left: dict[str, list[Kept]] = field(default_factory=dict[str, list[Kept]])
    stderr: str = ""
    seen: int = 0

    def await_record(self) -> None:
        """Wait for one record that no answer announces."""
        await_condition(lambda: len(kept(journal_lines(self.folder))) > self.seen)

    def note(self, scene: str) -> None:
        """What was added since the last scene belongs to this one."""
        records = kept(journal_lines(self.folder))
        self.left[scene] = records[self.seen :]
        self.seen = len(records)


def expectations(style: Style, era: Era) -> dict[str, tuple[Expected, ...]]:
    """What each scene has to leave: one record for each call, in the order in which the calls end."""
    expected = {scene.name: (scene.expected,) for scene in scenes.ordinary(style)}
    # Without a wire between them, giving up is nothing that the client could say: the call just ends.
    wireless = Expected(outcome="disconnected" if era == "modern" and not kernel.FASTMCP else "cancelled")
    expected |= {CANCELLED: (wireless,), DISCONNECTED: (Expected(outcome="disconnected"),)}
    if kernel.MODERN:
        # 1.x: in one process, a tool that holds the event loop also holds whoever could give it up.
        expected[BLOCKING] = (wireless,)
    if style != "lowlevel":
        success = Expected(outcome="success")
        expected |= {
            inprocess.IN_PROCESS: (success,),
            inprocess.IN_PROCESS_UNKNOWN: (Expected(outcome="unknown_tool"),),
            scenes.LEAK.name: (success, success),
        }
    return _asked(style) | expected  # a client that has seen the list asks for no other of its own accord


def _asked(style: Style) -> dict[str, tuple[Expected, ...]]:
    """What everything but calls of a tool has to leave; a sign of life leaves nothing."""
    success, absent = Expected(outcome="success"), Expected(outcome="not_found")
    no_prompt = Expected(outcome="protocol_error") if style == "lowlevel" else absent
    expected: dict[str, tuple[Expected, ...]] = dict.fromkeys(inprocess.ASKED, (success,))
    expected |= {inprocess.ASKED[1]: (absent,), inprocess.ASKED[3]: (no_prompt,), "ping": ()}
    if style == "lowlevel":
        return expected
    return expected | {
        inprocess.READ: (Expected(outcome="success", size=5),),
        inprocess.READ_UNKNOWN: (absent,),
        inprocess.READ_BROKEN: (Expected(outcome="exception", error_type="ValueError"),),
        inprocess.GET: (Expected(outcome="success", size=10),),
        inprocess.GET_UNKNOWN: (absent,),
        inprocess.GET_REFUSED: (Expected(outcome="invalid_params"),),
    }


class Stage:
    """The process, its pipes, and the run that is being played in it."""

    def __init__(self, style: Style, era: Era, run: MemoryRun) -> None:
        self._run = run
        self._process = subprocess.Popen(
            command(SCRIPT, style, era),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(run.folder),
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._stdin = self._process.stdin
        self._stdout = Lines(self._process.stdout)
        self._stderr = Lines(self._process.stderr)

    def tell(self, order: str) -> None:
        """Have one line done."""
        self._stdin.write(f"{order}\n".encode())
        self._stdin.flush()
        name = order.partition(" tag=")[0].encode()
        self._stdout.await_line(lambda line: line.strip() == name)

    def await_error(self, wanted: str) -> None:
        """Wait for a line on stderr."""
        self._stderr.await_line(lambda line: wanted.encode() in line)

    def begin(self, tag: str) -> None:
        """Start a call that waits, and wait until it has started."""
        self.tell(f"begin tag={tag}")
        self.await_error(started(tag))

    def give_up(self, tag: str) -> None:
        """Start such a call, and cancel it."""
        self.begin(tag)
        self.tell("cancel")

    def end(self) -> None:
        """Let the process end, and keep what it said."""
        self._stdin.close()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        self._stdout.join(PATIENCE)
        self._stderr.join(PATIENCE)
        self._run.stderr = self._stderr.text


def memory(style: Style, era: Era, folder: Path) -> MemoryRun:
    """Every scene, one after the other, on one session; the last call is in flight when the client leaves."""
    run = MemoryRun(folder)
    stage = Stage(style, era, run)
    try:
        stage.tell("ping")
        run.note(scenes.HANDSHAKE.name)
        for name in expectations(style, era):
            if name not in UNANSWERED:
                stage.tell(name)
                if name == scenes.LEAK.name:
                    stage.await_error(LEAKED)
                run.note(name)
        stage.give_up("given-up")
        run.await_record()
        run.note(CANCELLED)
        if kernel.MODERN:
            stage.give_up("block")
            run.await_record()
            run.note(BLOCKING)
        stage.begin("cut-off")
        stage.tell("leave")
    finally:
        stage.end()
    run.note(DISCONNECTED)
    return run
