"""The tool registry of both kernels: what went wrong near the tool, what ``@audited`` says, calls without a request."""

from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Final

from otel_mcp_audit import faults
from otel_mcp_audit.instrumentation import answer, arrival, direct
from otel_mcp_audit.instrumentation.decorator import mark_of
from otel_mcp_audit.instrumentation.methods import CALL
from otel_mcp_audit.line import ServerInfo
from otel_mcp_audit.opencall import Arrival, Ending, OpenCall
from otel_mcp_audit.redaction import optional_text

FRAMEWORK_ERRORS: Final = frozenset({"ToolError", "ResourceError", "McpError", "MCPError"})
"""How a tool says "error" in the framework's own way."""


async def call_tool(
    wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """``ToolManager.call_tool(name, arguments, context, ...)``."""
    given = dict(zip(("name", "arguments", "context"), args, strict=False)) | dict(kwargs)
    observe = partial(_observed, instance, given)
    return await direct.called(CALL, partial(wrapped, *args, **kwargs), partial(_arrival, given), observe)


async def _observed(registry: Any, given: Mapping[str, Any], opened: OpenCall, call: Callable[[], Any]) -> Any:
    """Let the call run, and note what the registry knows of it."""
    tool = _entered(opened, registry, given)
    try:
        return await call()
    except Exception as error:
        opened.failure = _failure(tool, error)
        raise


@faults.harmless("looking up a tool")
def _entered(opened: OpenCall, registry: Any, given: Mapping[str, Any]) -> Any:
    tool = registry.get_tool(given.get("name"))
    if tool is not None:
        opened.registered = True
        mark = mark_of(tool.fn)
        if mark is not None:
            opened.apply(mark, given.get("arguments") or {})
    return tool


@faults.harmless("classifying a failure")
def _failure(tool: Any, error: Exception) -> Ending:
    """What failed: the caller (no such tool, arguments refused), the tool in its own words, or the tool's code."""
    if tool is None:
        return Ending("unknown_tool")
    cause = error.__cause__ if type(error).__name__ in {"ToolError", "UnexpectedToolError"} else error
    name = type(cause).__name__
    if cause is None or name in FRAMEWORK_ERRORS:
        return Ending("tool_error", "tool_error")
    if name == "ValidationError" and getattr(cause, "title", None) == tool.fn_metadata.arg_model.__name__:
        return Ending("invalid_params", name)
    if _passed(cause.__traceback__, "convert_result"):
        return Ending("tool_error", "output_validation")
    return Ending("exception", name)


def _passed(trace: TracebackType | None, function: str) -> bool:
    """Whether the exception came out of the kernel's own ``function``: the tool had returned by then."""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == function and "func_metadata" in code.co_filename:
            return True
        trace = trace.tb_next
    return False


def _arrival(given: Mapping[str, Any]) -> Arrival:
    """A call made in this process, without a request."""
    server = answer.field(given.get("context"), "mcp_server", "fastmcp")
    return arrival.in_process(CALL, given, ServerInfo(name=optional_text(answer.field(server, "name"))))
