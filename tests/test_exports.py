"""The public surface: twelve names, each typed and documented, none imported before it is used."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import otel_mcp_audit

NAMES = [
    "Actor",
    "AuditError",
    "AuditRecord",
    "Auditor",
    "Call",
    "MCPAuditInstrumentor",
    "Policy",
    "Rejected",
    "Settings",
    "Sink",
    "annotate",
    "audited",
]
CONSUMER = Path(__file__).with_name("typing") / "api.py"


def test_the_public_names_are_the_twelve_of_the_contract() -> None:
    assert sorted(otel_mcp_audit.__all__) == sorted(NAMES)
    assert dir(otel_mcp_audit) == otel_mcp_audit.__all__


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_can_be_imported_and_is_documented(name: str) -> None:
    thing = getattr(otel_mcp_audit, name)
    assert inspect.getdoc(thing)
    assert thing.__name__ == name


@pytest.mark.parametrize("name", [name for name in NAMES if name[0].isupper()])
def test_every_public_method_of_a_public_class_is_documented(name: str) -> None:
    public = getattr(otel_mcp_audit, name)
    own = [(each, member) for each, member in inspect.getmembers_static(public, is_method) if each in vars(public)]
    assert not [each for each, member in own if each[0] != "_" and not inspect.getdoc(member)]


def is_method(member: object) -> bool:
    return inspect.isroutine(member) or isinstance(member, (property, classmethod))


def test_an_unknown_name_is_an_attribute_error_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'audit_everything'"):
        _ = otel_mcp_audit.audit_everything


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import otel_mcp_audit", ["opentelemetry", "msgspec", "wrapt", "mcp", "cyclopts", "rich", "logging"]),
        ("from otel_mcp_audit import Settings", ["opentelemetry", "mcp", "cyclopts", "rich"]),
        ("import otel_mcp_audit.instrumentation.preload", ["opentelemetry.sdk", "msgspec", "mcp", "cyclopts", "rich"]),
    ],
)
def test_an_import_brings_nothing_that_only_its_use_needs(statement: str, absent: list[str]) -> None:
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert set(absent).isdisjoint(run.stdout.split())


def test_the_type_checked_consumer_uses_every_public_name() -> None:
    tree = ast.parse(CONSUMER.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported >= set(NAMES)
