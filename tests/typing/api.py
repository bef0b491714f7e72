"""The public surface as its users' type checkers see it: checked by pyright in strict mode, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Sequence
from typing import Any, assert_type

from otel_mcp_audit import (
    Actor,
    AuditError,
    Auditor,
    AuditRecord,
    Call,
    MCPAuditInstrumentor,
    Policy,
    Rejected,
    Settings,
    Sink,
    annotate,
    audited,
)


@audited
def bare(shelf: str) -> list[str]:
    return [shelf]


@audited(resource="patient:{patient_id}", sensitivity="restricted", phi=True)
async def described(patient_id: str, *, reason: str = "") -> int:
    annotate(resource=["a:1", "b:2"], purpose=reason, result_count=2)
    return len(patient_id)


def shelf_name(shelf: str) -> str:
    return f"shelf:{shelf}"


@audited(resource=shelf_name, action="READ", purpose="stocktaking")
def computed(shelf: str) -> None: ...


class Table:
    """A sink needs no base class."""

    def write(self, records: Sequence[AuditRecord]) -> None:
        for record in records:
            assert_type(record.id, str)
            assert_type(record.tool, str | None)
            assert_type(record.outcome, str)
            assert_type(record.user.tenant_id, str)
            assert_type(record.params, dict[str, Any])
            assert_type(record.line, bytes)
            if record.response.result_count is None:
                raise Rejected("no count", ids=[record.id])

    def close(self) -> None: ...


def remember(records: Sequence[AuditRecord]) -> None: ...


async def use() -> None:
    assert_type(bare("A1"), list[str])
    assert_type(await described("4711", reason="treatment"), int)
    bare(1)  # pyright: ignore[reportArgumentType] -- the decorator keeps the signature: an error here is what we want

    sink: Sink = Table()
    settings = Settings(sinks=["otlp", sink, remember], max_bytes=1 << 20, user_claim=["oid", "sub"])
    assert_type(Settings.from_env({}), Settings)
    auditor = Auditor(settings)
    with auditor.call("export", {"format": "csv"}, Actor("alice", tenant_id="acme", roles=["physician"])):
        annotate(purpose="research")
    assert_type(auditor.flush(1.0), bool)
    assert_type(auditor.close(), bool)

    call = Call(method="tools/call", tool="export")
    assert_type(call.headers.get("x"), str | None)
    Policy().rule_for(call)

    MCPAuditInstrumentor().instrument(settings=settings)
    try:
        Policy.load("profile:hipaa")
    except AuditError as error:
        assert_type(error, AuditError)
