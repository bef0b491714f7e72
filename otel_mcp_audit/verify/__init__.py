"""Check a trail wherever it went: the chain, and every copy of it."""

from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.files import size
from otel_mcp_audit.verify.finding import Finding
from otel_mcp_audit.verify.readers import Progress
from otel_mcp_audit.verify.report import NOTHING_VERIFIED, SOUND, UNSOUND, Missing, Report
from otel_mcp_audit.verify.verification import verify

__all__ = [
    "NOTHING_VERIFIED",
    "SOUND",
    "UNSOUND",
    "Chain",
    "Finding",
    "Missing",
    "Progress",
    "Report",
    "size",
    "verify",
]
