"""``@audited``: what a tool touches, said where the tool is written."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar, overload

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import watch
from otel_mcp_audit.instrumentation.answer import length
from otel_mcp_audit.instrumentation.methods import CALL
from otel_mcp_audit.line import Request
from otel_mcp_audit.opencall import Arrival, Ending, Mark, OpenCall, current, raised
from otel_mcp_audit.record import Call

F = TypeVar("F", bound=Callable[..., Any])

Sensitivity = Literal["public", "internal", "confidential", "restricted"]

_ATTRIBUTE: Final = "__otel_mcp_audit__"
_RECEIVERS: Final = frozenset({"self", "cls"})
_MEND: Final = "put @audited directly above the function, below the server's decorator"


@overload
def audited(fn: F, /) -> F: ...
@overload
def audited(
    fn: None = None,
    /,
    *,
    resource: str | Callable[..., object] | None = None,
    action: str | None = None,
    purpose: str | None = None,
    sensitivity: Sensitivity | None = None,
    phi: bool = False,
) -> Callable[[F], F]: ...
def audited(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    resource: str | Callable[..., object] | None = None,
    action: str | None = None,
    purpose: str | None = None,
    sensitivity: Sensitivity | None = None,
    phi: bool = False,
) -> Any:
    """Say what a tool touches; on a function that no audited request runs, audit its calls by itself.

    Below ``@server.tool`` it wraps the function, above it the function is marked and the mark is found at the call:
    either way a call has one record. Signature, schema, and sync or async stay as they are.

    Args:
        fn: the function; bare ``@audited`` works.
        resource: a template over the arguments (``"patient:{patient_id}"``), or a callable that gets them by name.
        action: the record's action, an upper-case verb; ``EXECUTE`` if unset.
        purpose: why the tool accesses data; ``annotate(purpose=...)`` says it for one call.
        sensitivity: ``public``, ``internal``, ``confidential`` or ``restricted``.
        phi: whether patient data is touched.

    Raises:
        TypeError: ``fn`` is nothing whose calls can be seen.
    """
    mark = Mark(resource=resource, action=action, purpose=purpose, sensitivity=sensitivity, phi=phi)
    return _marked(mark, fn) if fn is not None else functools.partial(_marked, mark)


def mark_of(function: object) -> Mark | None:
    """The mark that ``@audited`` left on a function, through whatever wraps it."""
    mark = getattr(function, _ATTRIBUTE, None)
    return mark if isinstance(mark, Mark) else None


def _marked(mark: Mark, fn: Any) -> Any:
    inner = getattr(fn, "fn", None)
    if not inspect.isroutine(fn) and inspect.isroutine(inner):  # a registered tool object: its function is called
        setattr(inner, _ATTRIBUTE, mark)
        return fn
    if not callable(fn) or inspect.isclass(fn) or type(fn) is staticmethod:
        raise TypeError(f"@audited on {type(fn).__name__} would see no calls: {_MEND}")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(f"@audited on the generator function {_name(fn)} would see no end of a call: {_MEND}")
    wrapper = _async_wrapper(mark, fn) if inspect.iscoroutinefunction(fn) else _sync_wrapper(mark, fn)
    for place in (fn, wrapper):
        _leave(mark, place)
    return wrapper


def _leave(mark: Mark, place: Any) -> None:
    try:
        setattr(place, _ATTRIBUTE, mark)
    except AttributeError:  # a built-in or bound method keeps no attribute; its wrapper does
        return


def _name(fn: Any) -> str:
    return getattr(fn, "__name__", type(fn).__name__)


def _sync_wrapper(mark: Mark, fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def audited_call(*args: Any, **kwargs: Any) -> Any:
        arguments = _arguments(fn, args, kwargs) or {}
        if _enriched(mark, arguments):
            return fn(*args, **kwargs)
        opened = watch.begin_at_once(CALL, _arrival, _name(fn), arguments)
        if opened is None:
            return fn(*args, **kwargs)
        opened.apply(mark, arguments)
        with watch.Scope(opened):
            return watch.run(opened, lambda: fn(*args, **kwargs), _succeeded, _failed)

    return audited_call


def _async_wrapper(mark: Mark, fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    async def audited_call(*args: Any, **kwargs: Any) -> Any:
        arguments = _arguments(fn, args, kwargs) or {}
        if _enriched(mark, arguments):
            return await fn(*args, **kwargs)
        opened = await watch.begin(CALL, _arrival, _name(fn), arguments)
        if opened is None:
            return await fn(*args, **kwargs)
        opened.apply(mark, arguments)
        with watch.Scope(opened):
            return await watch.watch(opened, lambda: fn(*args, **kwargs), _succeeded, _failed)

    return audited_call


def _enriched(mark: Mark, arguments: Mapping[str, Any]) -> bool:
    """Enrich the call that is running, if one is; else the function's call is one of its own."""
    running = current()
    if running is not None:
        running.apply(mark, arguments)
    return running is not None


@faults.harmless("@audited")
def _arguments(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return _bound(fn, args, kwargs)


def _bound(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by name, defaults filled in, without a method's object and the kernel's injected ``Context``."""
    try:
        bound = inspect.signature(fn).bind_partial(*args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    bound.apply_defaults()
    given = ((name, value) for name, value in bound.arguments.items() if name not in _RECEIVERS)
    return {name: value for name, value in given if type(value).__name__ != "Context"}


def _arrival(name: str, arguments: Mapping[str, Any]) -> Arrival:
    return Arrival(
        call=Call(method=CALL, tool=name, arguments=arguments),
        request=Request(id_source="generated", method=CALL),
    )


def _succeeded(opened: OpenCall, result: object) -> Ending:
    del opened
    return Ending("success", result_count=length(result))


def _failed(opened: OpenCall, error: BaseException) -> Ending:
    del opened
    return raised(error)
