"""Where an exception was raised: that tells what a framework raises from what it lets through, never their texts."""

from collections.abc import Iterator
from typing import Final

_CARRIERS: Final = ("pydantic.", "anyio.")
"""Packages that raise, or run, for whoever calls them."""


def names(error: BaseException) -> set[str]:
    """The names of its class and of what that is derived from."""
    return {kind.__name__ for kind in type(error).__mro__}


def frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Module and function of each frame that it came through, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        yield str(frame.f_globals.get("__name__")), frame.f_code.co_name
        trace = trace.tb_next


def place(error: BaseException) -> tuple[str, str]:
    """Module and function of the code that raised it, pydantic and anyio aside; empty where nothing is known."""
    raisers = [frame for frame in frames(error) if not frame[0].startswith(_CARRIERS)]
    return raisers[-1] if raisers else ("", "")


def by(error: BaseException, package: str) -> bool:
    """Whether the code that raised it is the package's own; ``package`` ends in a dot."""
    return place(error)[0].startswith(package)


def beneath(error: BaseException, package: str) -> BaseException:
    """What the package has wrapped in exceptions of its own; itself where it is none of those."""
    while by(error, package) and (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
