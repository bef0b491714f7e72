"""What a journal has and a copy lacks."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import UNSET

from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.finding import Finding
from otel_mcp_audit.verify.line import Sealed, glance
from otel_mcp_audit.verify.readers import Progress, read
from otel_mcp_audit.verify.report import Missing, Report

LISTED: Final = 100_000
"""Missing records listed; further ones are counted in a note."""


class _Comparison:
    def __init__(self, copy: Chain) -> None:
        self._copy = copy
        self.missing: list[Missing] = []
        self.unlisted = 0
        self.differing: list[Finding] = []

    def each(self, sealed: Sealed) -> None:
        holds = self._copy.holds(sealed)
        if holds:
            return
        if holds is not None:
            detail = "the copy has another record here than the journal"
            self.differing.append(Finding(kind="duplicate_seq", stream=sealed.stream, seq=sealed.seq, detail=detail))
        if len(self.missing) >= LISTED:
            self.unlisted += 1
            return
        event = glance(sealed)
        self.missing.append(Missing(None if event is None else event.id, sealed.stream, sealed.seq))


def reconcile(
    copy: Chain, report: Report, journal: Path, *, tenant: str | None = None, progress: Progress | None = None
) -> Report:
    """Add to the copy's report what the journal shows: records the copy lacks, and the journal's own findings."""
    comparison = _Comparison(copy)
    chain = Chain(tenant, comparison.each)
    read(journal, chain, progress)
    reference = chain.report()
    report.missing = comparison.missing
    report.findings += [*comparison.differing, *map(_of_the_journal, reference.findings)]
    report.notes += [f"journal: {note}" for note in reference.notes]
    if comparison.unlisted:
        report.notes.append(f"{comparison.unlisted} more records are missing")
    return report


def _of_the_journal(finding: Finding) -> Finding:
    detail = "" if finding.detail is UNSET else f": {finding.detail}"
    return msgspec.structs.replace(finding, detail=f"in the journal{detail}")
