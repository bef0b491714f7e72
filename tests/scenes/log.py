"""The client's own log: what it sent, as whom, what came back, and what the record of it has to say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

CALL: Final = "tools/call"
UNRECORDED: Final = frozenset({"ping", "tasks/get"})

ANYTHING: Final = ...
"""The design leaves it open."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the record of a request has to say about its end."""

    outcome: str
    error_type: object = ANYTHING
    status_code: object = ANYTHING
    result_count: object = ANYTHING
    size: object = ANYTHING


@dataclass(frozen=True)
class Identity:
    """Who the record has to name."""

    user: str
    tenant: str = "unassigned"


@dataclass(kw_only=True)
class Made:
    """One request that a client made; most are calls of a tool.

    Attributes:
        key: ``X-Request-ID`` over HTTP; over stdio the connection and the JSON-RPC id, see ``stdio_key``.
        scene: the scene's name.
        sent: ``params`` of the request.
        answer: what came back, as it came; None where nothing did.
    """

    key: str
    scene: str
    sent: Mapping[str, Any]
    expected: Expected
    identity: Identity
    answer: str | None = None
    method: str = CALL


@dataclass
class ClientLog:
    """All requests of one or more clients, in the order in which they were sent; but none that goes unrecorded."""

    made: list[Made] = field(default_factory=list[Made])

    def keep(self, made: Made) -> Made:
        """Note a request just before it is sent."""
        self.made.append(made)
        return made

    @property
    def calls(self) -> list[Made]:
        """Those that call a tool."""
        return [made for made in self.made if made.method == CALL]

    def of(self, scene: str) -> list[Made]:
        """The requests of one scene."""
        return [made for made in self.made if made.scene == scene]


def stdio_key(connection: int | str, rpc_id: str) -> str:
    """The key of a call over stdio.

    Args:
        connection: the server's process id, since one process serves one connection; or the name that this one client
            gave itself, where it did not start the process with its own hands.
        rpc_id: the JSON-RPC id as JSON text.
    """
    return f"{connection}/{rpc_id}"
