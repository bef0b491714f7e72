"""The newest calls on record: whose they were, how they ended, how long ago the last one was. Nobody is named."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from otel_mcp_audit import settings
from otel_mcp_audit.doctor.check import Check
from otel_mcp_audit.doctor.subject import Subject
from otel_mcp_audit.line import ANONYMOUS, UNASSIGNED


def identity(subject: Subject) -> Iterator[Check]:
    """Where the identity of the newest calls came from."""
    if not subject.calls:
        return
    users = [record.event.user for record in subject.calls]
    sources = Counter(user.source for user in users)
    anonymous = sum(user.id == ANONYMOUS for user in users)
    tenants = sum(user.tenant_id != UNASSIGNED for user in users)
    nameless = sum(user.authenticated and user.id == ANONYMOUS for user in users)
    counted = ", ".join(f"{source} {count}" for source, count in sorted(sources.items()))
    detail = f"last {len(users)} calls: by {counted}; {anonymous} anonymous, {tenants} with a tenant"
    found, _ = settings.read(subject.environ)
    if found.identity is not None:
        detail += f"; {sources['resolver']} answered by {found.identity}"
    claims = f"user claims here {', '.join(found.user_claim)}; tenant claims {', '.join(found.tenant_claim)}"
    if nameless:
        yield Check(
            "identity",
            "warn",
            f"{detail}; {nameless} with a valid token that has none of the claims ({claims})",
            "name a claim that your tokens have: OTEL_MCP_AUDIT_USER_CLAIM",
        )
    elif anonymous:
        yield Check(
            "identity",
            "warn",
            f"{detail} ({claims})",
            "have the server verify tokens: without one a caller has no name",
        )
    else:
        yield Check("identity", "ok", f"{detail} ({claims})")


def outcomes(subject: Subject) -> Iterator[Check]:
    """How old the last record is, and what was cut short."""
    if not subject.calls:
        if subject.folder is not None:
            yield Check(
                "calls", "warn", "no call is on record", "call a tool; see that this is the folder the server writes"
            )
        return
    ends = Counter(record.outcome for record in subject.calls)
    detail = f"last {len(subject.calls)} calls: {', '.join(f'{end} {count}' for end, count in ends.most_common())}"
    detail += f"; the newest began {_age(subject.calls[-1].timestamp)} ago"
    lost = ends["unknown"] + ends["aborted"]
    mend = "a server was killed or stopped while they ran: see its log"
    yield Check("calls", "warn", detail, mend) if lost else Check("calls", "ok", detail)


def _age(timestamp: str) -> str:
    began = datetime.fromisoformat(timestamp)
    seconds = max(0, int((datetime.now(UTC) - began).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
