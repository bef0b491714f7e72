"""What to record about which call. Today one rule: names, types and sizes of arguments, no values."""

from typing import Final

from msgspec import Struct

from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.line import PolicyApplied
from otel_mcp_audit.record import Call


class Rule(Struct, frozen=True):
    """How a call is recorded; ``applied`` is what the record says of it."""

    applied: PolicyApplied = PolicyApplied()


class Policy:
    """An ordered list of rules, the first match wins; the last resort is level ``metadata``."""

    _DEFAULT: Final = Rule()

    @classmethod
    def load(cls, path_or_profile: str) -> "Policy":
        """Load a policy file or a profile.

        Raises:
            ConfigurationError: always, until policies are built.
        """
        raise ConfigurationError(f"policy {path_or_profile!r}: not supported yet; leave OTEL_MCP_AUDIT_POLICY unset")

    def rule_for(self, call: Call) -> Rule:
        """The rule that applies to ``call``."""
        return self._DEFAULT
