"""What can go wrong in OpenTelemetry's loader: a row each, with what then has to happen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from opentelemetry.sdk import environment_variables

Plain = Literal["audited", "NOT audited", "not started"]
"""What becomes of the server under the stock loader, found by running it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        environ: variables.
        points: entry points of a distribution that sorts before ours: group to lines.
        code: the module ``strange`` of that distribution.
        requires: lines of its metadata.
        plain: under ``opentelemetry-instrument``.
        status: exit status under ``otel-mcp-audit run``; 0 where the server runs and is audited.
        names: what run's error and doctor's answer have to say.
    """

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    points: Mapping[str, str] = field(default_factory=dict[str, str])
    code: str = ""
    requires: str = ""
    plain: Plain = "audited"
    status: int = 78
    names: str = ""

    def install(self, folder: Path) -> None:
        """Lay the distribution out as an installer does."""
        info = folder / "strange-1.0.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n{self.requires}"
        points = "".join(f"[{group}]\n{line}\n" for group, line in self.points.items())
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(points, encoding="utf-8")
        (folder / "strange.py").write_text(self.code, encoding="utf-8")


def _instrumentor(body: str) -> str:
    return f"class Strange:\n    def instrument(self, **_):\n        {body}\n"


_DISTRO: Final = """from opentelemetry.instrumentation.distro import BaseDistro
class Strange(BaseDistro):
    def _configure(self, **_):
        {}
    def load_instrumentor(self, entry_point, **_):
        pass
"""
_OTHER: Final = {"opentelemetry_instrumentor": "aaa_strange = strange:Strange"}
_BEFORE: Final = {"opentelemetry_pre_instrument": "aaa_strange = strange:hook"}
_AFTER: Final = {"opentelemetry_post_instrument": "aaa_strange = strange:hook"}
_FIRST_DISTRO: Final = {"opentelemetry_distro": "aaa_strange = strange:Strange"}


def _config_file(path: str) -> Row:
    """Older SDKs know nothing of such a file, and pass over the variable."""
    environ = {"OTEL_CONFIG_FILE": path}
    if not hasattr(environment_variables, "OTEL_CONFIG_FILE"):
        return Row(environ=environ, status=0)
    return Row(environ=environ, plain="NOT audited", names="OTEL_CONFIG_FILE")


ROWS: Final[Mapping[str, Row]] = {
    "nothing is wrong": Row(status=0),
    "another instrumentor raises": Row(
        points=_OTHER, code=_instrumentor("raise RuntimeError('strange')"), names="aaa_strange"
    ),
    "another instrumentor raises ImportError": Row(
        points=_OTHER, code="raise ImportError('no such binary')", names="aaa_strange"
    ),
    "another instrumentor's library is not installed": Row(points=_OTHER, code="import not_installed", status=0),
    "another instrumentor's library is of another version": Row(
        points=_OTHER,
        code=_instrumentor("pass"),
        requires='Provides-Extra: instruments\nRequires-Dist: wrapt<1; extra == "instruments"\n',
        status=0,
    ),
    "another instrumentor exits": Row(
        points=_OTHER, code=_instrumentor("raise SystemExit(3)"), plain="not started", names="SystemExit"
    ),
    "a pre hook before ours raises": Row(
        points=_BEFORE, code="def hook():\n    raise RuntimeError('strange')", plain="NOT audited", names="strange.py"
    ),
    "a pre hook before ours exits": Row(
        points=_BEFORE, code="def hook():\n    raise SystemExit(3)", plain="not started", names="strange.py"
    ),
    "a post hook raises": Row(points=_AFTER, code="def hook():\n    raise RuntimeError('strange')", names="strange.py"),
    "a distro that sorts first raises": Row(
        points=_FIRST_DISTRO,
        code=_DISTRO.format("raise RuntimeError('strange')"),
        plain="NOT audited",
        names="strange.py",
    ),
    "a distro that sorts first loads no instrumentor": Row(points=_FIRST_DISTRO, code=_DISTRO.format("pass"), status=0),
    "OTEL_LOGS_EXPORTER is misspelt": Row(
        environ={"OTEL_LOGS_EXPORTER": "otpl"}, plain="NOT audited", names="OTEL_LOGS_EXPORTER"
    ),
    "OTEL_TRACES_EXPORTER is misspelt": Row(
        environ={"OTEL_TRACES_EXPORTER": "otlpp"}, plain="NOT audited", names="OTEL_TRACES_EXPORTER"
    ),
    "OTEL_METRICS_EXPORTER is misspelt": Row(
        environ={"OTEL_METRICS_EXPORTER": "promtheus"}, plain="NOT audited", names="OTEL_METRICS_EXPORTER"
    ),
    "OTEL_EXPORTER_OTLP_PROTOCOL is misspelt": Row(
        environ={"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "htp/protobuf"},
        plain="NOT audited",
        names="OTEL_EXPORTER_OTLP_PROTOCOL",
    ),
    "OTEL_EXPORTER_OTLP_TIMEOUT has a unit": Row(
        environ={"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TIMEOUT": "10s"},
        plain="NOT audited",
        names="OTEL_EXPORTER_OTLP_TIMEOUT",
    ),
    "OTEL_CONFIG_FILE is not there": _config_file("/nowhere/otel.yaml"),
    "OTEL_CONFIG_FILE is no YAML": _config_file(str(Path(__file__).with_name("broken.yaml"))),
    "OTEL_PYTHON_DISTRO is misspelt": Row(environ={"OTEL_PYTHON_DISTRO": "distri"}, names="OTEL_PYTHON_DISTRO"),
    "OTEL_PYTHON_CONFIGURATOR is misspelt": Row(
        environ={"OTEL_PYTHON_CONFIGURATOR": "configurater"}, names="OTEL_PYTHON_CONFIGURATOR"
    ),
    "OTEL_PYTHON_ID_GENERATOR is misspelt": Row(
        environ={"OTEL_PYTHON_ID_GENERATOR": "randm"}, plain="NOT audited", names="OTEL_PYTHON_ID_GENERATOR"
    ),
    "OTEL_PROPAGATORS is misspelt": Row(
        environ={"OTEL_PROPAGATORS": "tracecontxt"}, plain="not started", names="OTEL_PROPAGATORS"
    ),
    "OTEL_TRACES_SAMPLER is not there": Row(environ={"OTEL_TRACES_SAMPLER": "no_such_sampler"}, status=0),
    "all instrumentations are disabled": Row(
        environ={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
        plain="NOT audited",
        names="OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    ),
    "we are disabled": Row(
        environ={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, mcp_audit"},
        plain="NOT audited",
        names="OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    ),
}
