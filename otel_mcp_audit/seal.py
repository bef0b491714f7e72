"""Bytes to hash, link and check: the one definition of a line's seal.

The hash is SHA-256 over RFC 8785 of the line without its ``seal``. The writer's bytes are that canonical form already,
so it hashes what it writes before the last ``,"seal"``, plus the closing brace.
"""

import hashlib
from typing import Final, NamedTuple

from otel_mcp_audit.line import LINE_LIMIT

GENESIS: Final = "0" * 64
"""``chain.prev`` of a stream's first line."""

OVERHEAD: Final = 320
"""Bytes that chain, seal and line end add to a body: sequence numbers up to 2^53, a UUID, two hashes."""

BODY_LIMIT: Final = LINE_LIMIT - OVERHEAD
"""Bytes of a body whose line stays within the limit."""

_SEAL: Final = b',"seal":{"hash":"'


class Link(NamedTuple):
    """Where the next line goes."""

    stream: str
    seq: int
    prev: str


def seal(body: bytes, link: Link) -> tuple[bytes, str]:
    """Seal an encoded ``Body`` as the line at ``link``; answers the line with its line end, and its hash."""
    chain = f'{{"chain":{{"prev":"{link.prev}","seq":{link.seq},"stream":"{link.stream}","v":1}},'
    sealed = chain.encode() + body[1:-1]
    digest = hashlib.sha256(sealed + b"}").hexdigest()
    return b"".join((sealed, _SEAL, digest.encode(), b'"}}\n')), digest


def written_hash(line: bytes) -> str | None:
    """The hash that a line as we wrote it should carry; None where the line is not of that form.

    A copy that was written anew by somebody else has another spelling of the same document: see ``verify``.
    """
    end = line.rfind(_SEAL)
    if end < 0:
        return None
    return hashlib.sha256(line[:end] + b"}").hexdigest()
