"""What a receiver answers. One behaviour serves both protocols: an HTTP status and the gRPC status beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One export request of logs: its unpacked bytes and its records as they would be stored."""

    size: int
    records: list[dict[str, Any]]
    number: int


@dataclass(frozen=True)
class Reply:
    """The answer. ``store`` says which records are kept first, all or some; ``hang`` that no answer comes at all."""

    http: int = 200
    grpc: str = "OK"
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    store: bool | list[dict[str, Any]] = True
    hang: bool = False
    rejected: int = 0
    garbage: bytes | None = None
    without_length: bool = False
    retry_after: float | None = None


Behaviour = Callable[[Request], Reply]

_OK = Reply()

GRPC_OF = {
    302: "UNAVAILABLE",
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def ok() -> Behaviour:
    """Store and acknowledge."""
    return lambda _: _OK


def hang() -> Behaviour:
    """Take the request and never answer."""
    return lambda _: Reply(store=False, hang=True)


def status(code: int, text: str = "", headers: Mapping[str, str] | None = None) -> Behaviour:
    """Refuse every request with an HTTP status, or the gRPC status that stands for it."""
    reply = Reply(http=code, grpc=GRPC_OF[code], text=text, headers=headers or {}, store=False)
    return lambda _: reply


def redirect(to: str) -> Behaviour:
    """Send everybody elsewhere."""
    return status(302, headers={"Location": to})


def refuse_all(code: int = 400, text: str = "wrong index") -> Behaviour:
    """Refuse every request as if the records were at fault."""
    return status(code, text)


def poison(is_poison: Callable[[str], bool], code: int = 400, text: str = "cannot parse record") -> Behaviour:
    """Refuse a request with a record in it whose body is poison; take all others."""
    reply = Reply(http=code, grpc=GRPC_OF[code], text=text, store=False)
    return lambda request: reply if any(is_poison(record["body"]) for record in request.records) else _OK


def partial(is_poison: Callable[[str], bool], text: str = "cannot store record") -> Behaviour:
    """Store what is good, and say 200 with ``partial_success`` for the rest."""

    def behave(request: Request) -> Reply:
        good = [record for record in request.records if not is_poison(record["body"])]
        return Reply(rejected=len(request.records) - len(good), text=text, store=good)

    return behave


def too_large(limit: int, code: int = 413, text: str = "", grpc: str | None = None) -> Behaviour:
    """Refuse a request above so many unpacked bytes."""

    def behave(request: Request) -> Reply:
        if request.size <= limit:
            return _OK
        said = text or f"Received message larger than max ({request.size} vs. {limit})"
        return Reply(http=code, grpc=grpc or "RESOURCE_EXHAUSTED", text=text if grpc is None else said, store=False)

    return behave


def busy(retry_after: float | None, code: int = 429) -> Behaviour:
    """Ask to be left alone for so many seconds."""
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    reply = Reply(
        http=code, grpc=GRPC_OF[code], text="slow down", headers=headers, store=False, retry_after=retry_after
    )
    return lambda _: reply


def garbage(body: bytes = b"<html>please log in</html>", kind: str = "text/html") -> Behaviour:
    """Say 200 (OK) with something that is no OTLP answer, as a login page in between does."""
    reply = Reply(garbage=body, headers={"Content-Type": kind}, store=False)
    return lambda _: reply


def by_name(text: str) -> Behaviour:
    """A behaviour as a command line names it: ``ok hang garbage``, a status, ``poison:TEXT partial:TEXT max:BYTES``."""
    name, _, argument = text.partition(":")
    if name.isdigit():
        return status(int(name), argument)
    if name == "poison":
        return poison(lambda body: argument in body)
    if name == "partial":
        return partial(lambda body: argument in body)
    if name == "max":
        return too_large(int(argument), grpc="RESOURCE_EXHAUSTED")
    return {"ok": ok, "hang": hang, "garbage": garbage}[name]()
