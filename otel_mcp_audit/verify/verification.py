"""A whole verification: paths in, report out."""

from collections.abc import Iterable
from pathlib import Path

from otel_mcp_audit.verify.against import reconcile
from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.readers import Progress, read
from otel_mcp_audit.verify.report import Report


def verify(
    paths: Iterable[Path],
    *,
    against: Path | None = None,
    tenant: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Verify what stands in files and folders.

    Args:
        paths: files or folders, in any order, with duplicates.
        against: a journal; what it has and the paths lack becomes ``missing``.
        tenant: count and judge this tenant's records only.
        progress: told of the bytes read.
    """
    chain = Chain(tenant)
    for path in paths:
        read(path, chain, progress)
    report = chain.report()
    if against is None:
        return report
    return reconcile(chain, report, against, tenant=tenant, progress=progress)
