"""The table of MCP's methods: what a request of each is called on record, whom it names, and what its answer holds.

Data only. What is not in the table is on record too, as ``OTHER``; what is not recorded is in ``UNRECORDED``.
"""

from typing import Final, NamedTuple

CALL: Final = "tools/call"
READ: Final = "resources/read"
GET: Final = "prompts/get"
INITIALIZE: Final = "initialize"

UNRECORDED: Final = frozenset({"ping", "tasks/get"})
"""Says that a connection lives, and how a task is getting on: again and again, about nothing. Counted instead."""


class Method(NamedTuple):
    """One row.

    Attributes:
        event_type: the record's.
        action: what is done, in the words of OTEP 0267.
        within: the parameter that holds the target; None: the parameters themselves do.
        targets: type of a resource on record, and the parameter that names it or several; the first one found counts.
        arguments: the parameter that goes by name, type and size; ``*`` is all of them, None is none.
        items: the answer's list that is counted.
        contents: the answer's list whose texts and blobs are measured.
    """

    event_type: str
    action: str
    within: str | None = None
    targets: tuple[tuple[str, str], ...] = ()
    arguments: str | None = None
    items: str | None = None
    contents: str | None = None


_RESOURCE: Final = (("resource", "uri"),)
_PROMPT: Final = (("prompt", "name"),)

OTHER: Final = Method("request", "EXECUTE", arguments="*")
"""Any other method, those of extensions and those that no server knows included."""

METHODS: Final[dict[str, Method]] = {
    CALL: Method("tool_call", "EXECUTE", arguments="arguments", contents="content"),
    READ: Method("resource_read", "READ", targets=_RESOURCE, contents="contents"),
    GET: Method("prompt_get", "READ", targets=_PROMPT, arguments="arguments", contents="messages"),
    "completion/complete": Method(
        "completion", "READ", within="ref", targets=_PROMPT + _RESOURCE, arguments="argument"
    ),
    "tools/list": Method("list", "LIST", items="tools"),
    "prompts/list": Method("list", "LIST", items="prompts"),
    "resources/list": Method("list", "LIST", items="resources"),
    "resources/templates/list": Method("list", "LIST", items="resourceTemplates"),
    INITIALIZE: Method("initialize", "LOGIN"),
    "server/discover": Method("initialize", "LOGIN"),
    "resources/subscribe": Method("request", "EXECUTE", targets=_RESOURCE),
    "resources/unsubscribe": Method("request", "EXECUTE", targets=_RESOURCE),
    "subscriptions/listen": Method(
        "request", "EXECUTE", within="notifications", targets=(("resource", "resourceSubscriptions"),)
    ),
    "logging/setLevel": OTHER,
    "tasks/list": OTHER,
    "tasks/result": OTHER,
    "tasks/cancel": OTHER,
}


def row(method: str) -> Method:
    """What is to be said of a request of this method."""
    return METHODS.get(method, OTHER)
