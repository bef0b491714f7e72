"""The one question: requests the client made = records at the destination, compared by id.

Reads journal lines with nothing of the product's own code, wherever they were found: the journal folder, an OTLP
receiver's store.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.scenes.log import ANYTHING, CALL, ClientLog, Made

Event = Mapping[str, Any]

EVENT_TYPES: Final = {
    CALL: "tool_call",
    "resources/read": "resource_read",
    "prompts/get": "prompt_get",
    "completion/complete": "completion",
    "tools/list": "list",
    "prompts/list": "list",
    "resources/list": "list",
    "resources/templates/list": "list",
    "initialize": "initialize",
    "server/discover": "initialize",
}
"""What a record is called by its method; by any other it is a ``request``."""


@dataclass(frozen=True)
class Kept:
    """One record of a request, as a destination has it, and the keys under which a client may know it."""

    id: str
    keys: frozenset[str]
    event: Event


@dataclass
class Reconciliation:
    """What does not agree; each entry is a sentence that names the call.

    Attributes:
        missing: calls without a record.
        doubled: calls with more than one record id.
        wrong: records that say another outcome, tool or identity than the call had.
        strangers: records of calls that no client made.
        resent: record ids that arrived more than once: legal where delivery is at-least-once, never in a journal.
    """

    missing: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    strangers: list[str] = field(default_factory=list[str])
    resent: list[str] = field(default_factory=list[str])

    @property
    def agrees(self) -> bool:
        """Nothing missing, nothing doubled, nothing wrong, nothing that nobody asked for."""
        return not (self.missing or self.doubled or self.wrong or self.strangers)

    def __str__(self) -> str:
        named = {name: entries for name, entries in vars(self).items() if entries}
        return "\n".join(f"{name}: {entry}" for name, entries in named.items() for entry in entries) or "all agree"


def journal_lines(folder: Path) -> list[bytes]:
    """Every whole line of every stream in a journal folder; a half line at an end is not there yet."""
    segments = sorted(folder.glob("*/[0-9]*.jsonl"))
    return [
        line for segment in segments for line in segment.read_bytes().splitlines(keepends=True) if line[-1:] == b"\n"
    ]


def received_lines(records: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The journal lines that an OTLP receiver stored as the bodies of its log records."""
    return [str(record["body"]).encode() for record in records]


def kept(lines: Iterable[bytes]) -> list[Kept]:
    """The records of requests among the lines, in their order: all that are not about the trail itself."""
    decoded = [json.loads(line) for line in lines]
    starts = [line for line in decoded if line["event"]["event_type"] == "audit_start"]
    pids = {line["chain"]["stream"]: line["event"].get("trail", {}).get("pid") for line in starts}
    return [
        Kept(line["event"]["id"], _keys(line["event"], pids.get(line["chain"]["stream"])), line["event"])
        for line in decoded
        if not line["event"]["event_type"].startswith("audit_")
    ]


def tool_calls(lines: Iterable[bytes]) -> list[Kept]:
    """Those of calls of a tool."""
    return [record for record in kept(lines) if record.event["event_type"] == EVENT_TYPES[CALL]]


def _keys(event: Event, pid: int | None) -> frozenset[str]:
    request, agent = event["request"], event["agent"]["name"]
    chosen = {request["id"]} if request["id_source"] == "client" else set[str]()
    return frozenset(chosen | {f"{pid}/{request['rpc_id']}", f"{agent}/{request['rpc_id']}"})


def records_of(made: Made, records: Iterable[Kept]) -> list[Kept]:
    """The records of one call."""
    return [record for record in records if made.key in record.keys]


def in_process(lines: Iterable[bytes]) -> list[Kept]:
    """The records of calls that a server made of its own tools, outside any request."""
    return [record for record in kept(lines) if record.event["request"]["transport"] == "none"]


def reconcile(log: ClientLog, lines: Iterable[bytes], *, in_process: int = 0) -> Reconciliation:
    """Compare a client's log with what a destination has.

    Args:
        log: every request that any client made.
        lines: the journal lines that the destination has.
        in_process: how many calls the server made of its own tools outside any request; others are strangers.
    """
    records = kept(lines)
    result = Reconciliation()
    result.resent = [record_id for record_id, times in Counter(r.id for r in records).items() if times > 1]
    by_id = {record.id: record for record in records}
    for made in log.made:
        found = records_of(made, by_id.values())
        if not found:
            result.missing.append(_name(made))
        if len(found) > 1:
            result.doubled.append(f"{_name(made)}: {', '.join(record.id for record in found)}")
        result.wrong += [f"{_name(made)}: {fault}" for record in found for fault in faults(made, record.event)]
    known = {made.key for made in log.made}
    strangers = [record for record in by_id.values() if not record.keys & known]
    own = [record for record in strangers if record.event["request"]["transport"] == "none"]
    nobodys = strangers if len(own) != in_process else [record for record in strangers if record not in own]
    result.strangers = [str(dict(record.event)) for record in nobodys]
    return result


def faults(made: Made, event: Event) -> list[str]:
    """Where a record says something else than the call was: ``field is X, not Y``."""
    expected, response, user = made.expected, event["response"], event["user"]
    pairs = {
        "event_type": (EVENT_TYPES.get(made.method, "request"), event["event_type"]),
        "method": (made.method, event["request"].get("method", made.method)),
        "tool": (made.sent.get("name") if made.method == CALL else None, event["tool"]),
        "target": (_target(made), _first(event)),
        "outcome": (expected.outcome, response["outcome"]),
        "error_type": (expected.error_type, response["error_type"]),
        "status_code": (expected.status_code, response["status_code"]),
        "result_count": (expected.result_count, response["result_count"]),
        "bytes": (expected.size, response.get("bytes")),
        "user": (made.identity.user, user["id"]),
        "tenant": (made.identity.tenant, user["tenant_id"]),
    }
    return [
        f"{name} is {saw!r}, not {want!r}"
        for name, (want, saw) in pairs.items()
        if want is not ANYTHING and want != saw
    ]


def _target(made: Made) -> object:
    """Type and id of what was asked for; a tool may touch whatever it says."""
    asked = made.sent.get("ref", made.sent)
    by = {"resource": asked.get("uri"), "prompt": asked.get("name")}
    kinds = {
        "resources/read": ("resource",),
        "resources/subscribe": ("resource",),
        "resources/unsubscribe": ("resource",),
        "prompts/get": ("prompt",),
        "completion/complete": ("prompt", "resource"),
    }
    named = [(kind, by[kind]) for kind in kinds.get(made.method, ()) if by[kind] is not None]
    return ANYTHING if made.method == CALL else named[0] if named else None


def _first(event: Event) -> object:
    return next(((resource["type"], resource["id"]) for resource in event.get("resources", ())), None)


def _name(made: Made) -> str:
    return f"{made.scene} ({made.key})"
