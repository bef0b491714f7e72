"""The upstreams whose suites are run, and what of each."""

from typing import Final, NamedTuple

TOOLS: Final = frozenset(
    {
        *("ipython", "loq", "pdbpp", "prek", "pyinstrument", "pyright", "pytest-cov", "pytest-pretty"),
        *("ruff", "strict-no-cover", "ty"),
    }
)
"""Names in the upstreams' ``dev`` groups that no test needs."""

UNPUBLISHED: Final = frozenset({"fastmcp-remote", "mcp-example-stories"})
"""Parts of an upstream's workspace that no index has, or not in each version: their source is beside the suite."""


class Upstream(NamedTuple):
    """A release and its suite.

    Attributes:
        package: its name on the index.
        version: which release, as a specifier.
        short: the test files and folders that touch servers most, for a look between full runs; empty: no such form.
        left_out: files and folders whose tests are of the upstream's own repository, or want the Internet.
        extras: of the package: those that its ``dev`` group names and the index has.
    """

    package: str
    version: str
    short: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """What to install."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.package}{extras}{self.version}"


UPSTREAMS: Final = {
    "mcp-2": Upstream(
        "mcp",
        ">=2.3,<3",
        short=("tests/server",),
        left_out=("tests/docs", "tests/examples"),
        extras=("cli",),
    ),
    "mcp-1": Upstream("mcp", "==1.30.*", short=("tests/server", "tests/issues"), extras=("cli", "ws")),
    "fastmcp-4": Upstream(
        "fastmcp",
        ">=4.2,<5",
        short=("tests/server/telemetry", "tests/telemetry"),
        left_out=("tests/conformance", "tests/scripts", "tests/docs", "tests/downstream"),
        extras=("anthropic", "apps", "azure", "code-mode", "gemini", "jev", "openai"),
    ),
    "fastmcp-3": Upstream(
        "fastmcp",
        "==3.4.*",
        left_out=("tests/conformance", "tests/scripts", "tests/docs"),
        extras=("anthropic", "apps", "azure", "code-mode", "gemini", "openai", "tasks"),
    ),
    "fastmcp-2": Upstream("fastmcp", "==2.14.*", extras=("anthropic", "openai")),
}
