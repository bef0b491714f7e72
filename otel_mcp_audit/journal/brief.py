"""A line as far as the journal itself must understand one."""

from msgspec import DecodeError, Struct, json

from otel_mcp_audit import seal
from otel_mcp_audit.line import Chain, Head, Seal


class About(Struct):
    """Which event a line is about."""

    event_type: str
    id: str


class Brief(Struct):
    """Where a line stands in its stream, what it is about, and its hash."""

    chain: Chain
    event: About
    seal: Seal

    @property
    def head(self) -> Head:
        """The line as the end of its stream."""
        return Head(self.seal.hash, self.chain.seq, self.chain.stream)

    @property
    def stops(self) -> bool:
        """Whether the line says that its stream was closed."""
        return self.event.event_type == "audit_stop"


_decode = json.Decoder(Brief).decode


def brief(line: bytes) -> Brief | None:
    """What a line says in short; None where it is not as it was sealed."""
    try:
        found = _decode(line)
    except (DecodeError, UnicodeDecodeError):
        return None
    return found if seal.written_hash(line) == found.seal.hash else None
