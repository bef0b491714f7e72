"""From the journal to a sink: batches after the cursor, which moves only on a true acknowledgement."""

from otel_mcp_audit.delivery.delivery import Delivery, Progress
from otel_mcp_audit.delivery.pace import Pace
from otel_mcp_audit.delivery.source import Reader, Source

__all__ = ["Delivery", "Pace", "Progress", "Reader", "Source"]
