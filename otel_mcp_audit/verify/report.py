"""The answer of a verification."""

from typing import Any, Final, Self

import msgspec
from msgspec import UNSET, Struct, UnsetType

from otel_mcp_audit.verify.finding import NOT_VERIFIABLE, Finding

SOUND: Final = 0
UNSOUND: Final = 1
NOTHING_VERIFIED: Final = 2


class Missing(Struct, frozen=True):
    """A record that the journal has and the copy lacks."""

    id: str | None
    stream: str
    seq: int


class Report(Struct, kw_only=True):
    """What was looked at and what was found.

    Attributes:
        records: records whose seal holds; copies of one record count once.
        streams: streams with such a record.
        pruned: records that are absent because a sealed ``audit_prune`` record says so.
        findings: what is not sound or could not be checked.
        notes: worth knowing, not wrong.
        missing: only after a comparison with a journal.
    """

    records: int = 0
    streams: int = 0
    pruned: int = 0
    findings: list[Finding] = msgspec.field(default_factory=list[Finding])
    notes: list[str] = msgspec.field(default_factory=list[str])
    missing: list[Missing] | UnsetType = UNSET

    @classmethod
    def nothing(cls, detail: str) -> Self:
        """The report where there was nothing to read at all."""
        return cls(findings=[Finding(kind="unreadable", detail=detail)])

    @property
    def ok(self) -> bool:
        """Something was verified, and all of it is sound."""
        return self.exit_code == SOUND

    @property
    def exit_code(self) -> int:
        """0 sound; 1 something is not; 2 nothing could be verified."""
        if self.records == 0 and all(finding.kind in NOT_VERIFIABLE for finding in self.findings):
            return NOTHING_VERIFIED
        return UNSOUND if self.findings or self.missing else SOUND

    def as_dict(self) -> dict[str, Any]:
        """The report as ``verify --json`` prints it."""
        report: dict[str, Any] = {
            "ok": self.ok,
            "records": self.records,
            "streams": self.streams,
            "pruned": self.pruned,
            "findings": msgspec.to_builtins(self.findings),
        }
        if self.missing is not UNSET:
            report["missing"] = msgspec.to_builtins(self.missing)
        return report
