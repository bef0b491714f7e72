"""Environment to typed settings: one table of fields, every problem found at once, each with its mend.

Settings hold strings; ``sinks.resolve`` turns them into sinks. A setting whose mechanism is not built yet is an error,
never accepted in silence, and so is a variable of our prefix that is no setting.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from otel_mcp_audit import client_address
from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.rate import Rate

PREFIX: Final = "OTEL_MCP_AUDIT_"

MAX_BYTES: Final = 1 << 30
"""Disk budget of the journal folder in bytes: about 720,000 calls."""

MIN_BYTES: Final = 64 * 1024

_USER_INFO: Final = re.compile(r"//[^\s]*@")
"""User and password of a URL: never shown, in whatever setting they stand."""

REFUSALS: Final = "60/60s"

USER_CLAIMS: Final = ("sub",)
TENANT_CLAIMS: Final = ("tenant_id", "tid", "org_id", "tenant")


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator can decide; each field is the variable ``OTEL_MCP_AUDIT_<FIELD>`` in lower case.

    Attributes:
        disabled: record nothing; the first server start says so in a stream of its own.
        dir: journal folder; None takes the first of the default places that can be written.
        max_bytes: disk budget of the folder, in bytes.
        sinks: where records go: a comma list as text, or a list of texts, sinks and plain functions; None: where
            this process's OTel logs go.
        capture: ``metadata``: argument names, types and sizes, no values.
        durability: ``process``: a record survives ``kill -9``; ``power``: it is on the disk before the answer leaves.
        on_failure: ``open``: the call goes on, the gap is counted and recorded; ``closed``: it is refused.
        user_claim: claim names or paths of the user's id, first non-empty hit wins.
        tenant_claim: likewise for the tenant.
        identity: own resolver: a function of a ``Call`` that answers an ``Actor`` or None, or ``module:function``.
        trusted_proxies: comma list of the networks whose forwarding headers are believed; ``unix`` is one too.
        email: the e-mail address as an attribute too, not only in the body.
        refusals: how many requests that are refused before MCP are recorded singly, each peer, before they are counted.

    The remaining fields are reserved: any value but the default is refused.

    Raises:
        ConfigurationError: a value that cannot be used.
    """

    disabled: bool = False
    dir: str | None = None
    max_bytes: int = MAX_BYTES
    sinks: str | Sequence[Any] | None = None
    policy: str | None = None
    capture: str = "metadata"
    durability: str = "process"
    on_failure: str = "open"
    key_file: str | None = None
    personal: str = "clear"
    key_ring: str | None = None
    user_claim: Sequence[str] = USER_CLAIMS
    tenant_claim: Sequence[str] = TENANT_CLAIMS
    identity: Any = None
    trusted_proxies: str | None = None
    email: bool = False
    refusals: str = REFUSALS

    def __post_init__(self) -> None:
        problems = [text for name in self.__struct_fields__ if (text := _unsupported(name, getattr(self, name)))]
        if problems:
            raise ConfigurationError("\n".join(problems))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read ``OTEL_MCP_AUDIT_*``; empty counts as unset.

        Raises:
            ConfigurationError: names every variable that cannot be used, its value and the mend.
        """
        settings, problems = read(os.environ if environ is None else environ)
        if problems:
            raise ConfigurationError("\n".join(problems))
        return settings


def read(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings as far as they can be read, and what is wrong with the rest: a wrong variable counts as unset."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or not value.strip():
            continue
        field = variable.removeprefix(PREFIX).lower()
        try:
            values[field] = _parse(field, value.strip())
        except ValueError as error:
            problems.append(f"{variable}={_USER_INFO.sub('//***@', value)!r}: {error}")
    return Settings(**values), problems


def _parse(field: str, value: str) -> Any:
    if field not in Settings.__struct_fields__:
        raise ValueError(_no_setting(field))
    parsed = _READERS.get(field, str)(value)
    if problem := _unsupported(field, parsed):
        raise ValueError(problem.partition(": ")[2])
    return parsed


def _no_setting(field: str) -> str:
    close = difflib.get_close_matches(field, Settings.__struct_fields__, n=1)
    hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else f"; known: {', '.join(_variables())}"
    return f"there is no such setting{hint}"


def _variables() -> list[str]:
    return [PREFIX + field.upper() for field in Settings.__struct_fields__]


def _boolean(value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise ValueError("write true or false")
    return value.lower() == "true"


def _bytes(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value[:20]) < MIN_BYTES:
        raise ValueError(f"write a whole number of bytes, at least {MIN_BYTES}")
    return int(value[:20])


def _names(value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names:
        raise ValueError("write claim names separated by commas")
    return names


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "disabled": _boolean,
    "email": _boolean,
    "max_bytes": _bytes,
    "user_claim": _names,
    "tenant_claim": _names,
}

_CHOICES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "capture": (("metadata",), ("request", "request_response")),
    "durability": (("process", "power"), ("machine",)),
    "on_failure": (("open", "closed"), ()),
    "personal": (("clear",), ("sealed",)),
}
"""Field: the values that are built, and those that are planned."""

_RESERVED: Final = frozenset({"policy", "key_file", "key_ring"})

_FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""``module:function``, each perhaps with dots."""


def _unlike_a_function(value: Any) -> str | None:
    if value is None or callable(value) or (isinstance(value, str) and _FUNCTION.fullmatch(value)):
        return None
    return "write module:function; in code, that or the function itself"


def _unlike_proxies(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return "write text: networks or addresses separated by commas"
    try:
        client_address.Proxies.parse(value)
    except ValueError as error:
        return str(error)
    return None


def _unlike_a_rate(value: Any) -> str | None:
    try:
        Rate.read(str(value))
    except ValueError as error:
        return str(error)
    return None


_CHECKS: Final[dict[str, Callable[[Any], str | None]]] = {
    "identity": _unlike_a_function,
    "refusals": _unlike_a_rate,
    "trusted_proxies": _unlike_proxies,
}
"""Field: what is wrong with a value, in words."""


def _unsupported(field: str, value: object) -> str | None:
    if field in _RESERVED and value is not None:
        return f"{PREFIX}{field.upper()}: not supported yet; leave it unset"
    if field in _CHECKS:
        wrong = _CHECKS[field](value)
        return wrong and f"{PREFIX}{field.upper()}: {wrong}"
    built, planned = _CHOICES.get(field, ((value,), ()))
    if value in built:
        return None
    choice = " or ".join(map(str, built))
    if value in planned:
        return f"{PREFIX}{field.upper()}: {value!r} is not supported yet; leave it unset or write {choice}"
    return f"{PREFIX}{field.upper()}: write {choice}"
