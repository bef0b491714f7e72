"""The application's own way to say who calls: a function of the ``Call``, plain or async, that answers an ``Actor``.

Whatever it does the call goes on, and is on record: an answer that cannot be had is counted, and the identity is the
default one. The function may be audited code itself: what it calls meanwhile is not asked about again.
"""

import importlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

import msgspec

from otel_mcp_audit import faults
from otel_mcp_audit.errors import AuditError, ConfigurationError
from otel_mcp_audit.identity import Named, from_actor
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.record import Actor, Call

LIMIT_S: Final = 1.0
"""Seconds that an async resolver has; a plain one that takes longer is reported."""

FAILED: Final = "identity: resolver failed"
SLOW: Final = "identity: resolver slow"
NOT_ASKED: Final = "identity: resolver not asked"
"""Under what a resolver that raised or answered something else, one that took too long, and an async one where nothing
can be awaited, stand in ``faults.counts``."""

VARIABLE: Final = "OTEL_MCP_AUDIT_IDENTITY"

ASKING: Final[ContextVar[bool]] = ContextVar("otel_mcp_audit_asking", default=False)
"""Whether a resolver is at work in this context."""

_MEND: Final = "write module:function of a module that this server can import"


class Resolver:
    """A resolver, and what came of asking it.

    Args:
        function: the application's own.

    Attributes:
        waits: whether it is async: its answer has to be awaited before a call is opened.
    """

    def __init__(self, function: Callable[[Call], Any]) -> None:
        self._function = function
        self.waits = any(map(inspect.iscoroutinefunction, (function, getattr(function, "__call__", None))))  # noqa: B004 -- of an object that is called

    def ask(self, arrival: Arrival) -> Named | None:
        """What a plain resolver answers; None leaves the identity to the default. Never raises."""
        if ASKING.get():
            return None
        if self.waits:
            faults.counts[NOT_ASKED] += 1
            return None
        token, began = ASKING.set(True), time.perf_counter()
        try:
            return named(self.called(arrival))
        except Exception as error:  # noqa: BLE001 -- the application's own code must not cost the record
            faults.report(FAILED, error)
            return None
        finally:
            ASKING.reset(token)
            _see_time(time.perf_counter() - began)

    def called(self, arrival: Arrival) -> Any:
        """Call the function with what is known of the call: with its record's id as ``request_id`` if it has none."""
        arguments = MappingProxyType(arrival.call.arguments)
        return self._function(
            msgspec.structs.replace(
                arrival.call, arguments=arguments, request_id=arrival.request.id, server=arrival.server.name
            )
        )


def named(answer: object) -> Named | None:
    """What was answered, as the record says it.

    Raises:
        AuditError: it is neither an ``Actor`` nor None.
    """
    if answer is None:
        return None
    if isinstance(answer, Actor):
        return from_actor(answer)
    if inspect.iscoroutine(answer):
        answer.close()
    raise AuditError(f"it answered {type(answer).__name__}; answer an Actor or None, from an async def if it waits")


def _see_time(seconds: float) -> None:
    if seconds > LIMIT_S:
        faults.report(SLOW, f"it took {seconds:.1f} s, and a plain function holds up every call: make it an async def")


def load(given: Any) -> Resolver | None:
    """The resolver of the setting: a function, or ``module:function``, which is imported here.

    Raises:
        ConfigurationError: there is no such function.
    """
    if given is None or not isinstance(given, str):
        return given and Resolver(given)
    module, _, function = given.partition(":")
    try:
        found: Any = _module(module)
        for name in function.split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{VARIABLE}={given!r}: {_why(error)}; {_MEND}") from error
    if not callable(found):
        raise ConfigurationError(f"{VARIABLE}={given!r}: that is no function; {_MEND}")
    return Resolver(found)


def _module(name: str) -> ModuleType:
    """The module; the running script is not run a second time under its other name."""
    script = sys.modules.get("__main__")
    file = getattr(script, "__file__", None)
    if name not in sys.modules and script is not None and file is not None:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(file).resolve():
            return script
    return importlib.import_module(name)


def _why(error: BaseException) -> str:
    said = str(error) if isinstance(error, (ImportError, AttributeError)) else "when it was imported"
    return f"{type(error).__name__}: {said}"
