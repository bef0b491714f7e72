"""One journal line, read back and checked against its own seal.

A line as we wrote it is hashed as it stands. Anybody else's spelling of it (a SIEM's copy with other spacing, key
order, escapes or number forms) is the same document if RFC 8785 brings it back to the bytes that were sealed.
"""

import hashlib
import json
import re
from typing import Any, Final, NamedTuple, cast

import msgspec
import rfc8785

from otel_mcp_audit import seal
from otel_mcp_audit.line import FORMAT_VERSION, Trail
from otel_mcp_audit.verify.finding import Kind

_CHAIN: Final = re.compile(
    rb'\{"chain":\{"prev":"([0-9a-f]{64})","seq":([1-9][0-9]{0,15}),"stream":"([^"\\\x00-\x1f]{1,64})","v":1\}[,}]'
)
_BEGIN: Final = re.compile(rb'\{\s*"chain"\s*:\s*\{\s*"(?:prev|seq|stream|v)"')
_CHAIN_KEYS: Final = frozenset({"prev", "seq", "stream", "v"})
_SEALED_KEYS: Final = ("chain", "event", "params", "result")
_SEQ_LIMIT: Final = 2**53
_SEQ: Final = re.compile(rb'"seq"\s*:\s*([1-9][0-9]{0,15})\b')
_STREAM: Final = re.compile(rb'"stream"\s*:\s*"([^"\\\x00-\x1f]{1,64})"')


class Sealed(NamedTuple):
    """A line whose seal holds. ``body`` is its canonical form, with or without the seal: decode it with ``glance``."""

    stream: str
    seq: int
    prev: str
    hash: str
    body: bytes


class Claim(NamedTuple):
    """A line that is ours and not sound; ``stream`` and ``seq`` are what it says of itself."""

    kind: Kind
    stream: str | None
    seq: int | None
    detail: str


class _User(msgspec.Struct):
    tenant_id: str = ""


class _Event(msgspec.Struct):
    event_type: str
    id: str
    user: _User
    trail: Trail | msgspec.UnsetType = msgspec.UNSET


class _Glance(msgspec.Struct):
    event: _Event


_decode: Final = msgspec.json.Decoder(_Glance).decode


def as_written(line: bytes) -> Sealed | None:
    """The line, if it is one of ours as written (without its line end) and its seal holds."""
    chain = _CHAIN.match(line)
    if chain is None:
        return None
    digest = seal.written_hash(line)
    # The whole end is compared: the seal itself is not sealed, so nothing may hide in it.
    if digest is None or not line.endswith(f',"seal":{{"hash":"{digest}"}}}}'.encode()):
        return None
    prev, seq, stream = chain.groups()
    return Sealed(stream.decode("utf-8", "replace"), int(seq), prev.decode(), digest, line)


def glance(sealed: Sealed) -> _Event | None:
    """What the chain needs to know of an event; None where it is not shaped like one."""
    try:
        return _decode(sealed.body).event
    except (msgspec.DecodeError, UnicodeError):
        return None


def tenant_of(sealed: Sealed) -> str | None:
    """The tenant a record belongs to."""
    event = glance(sealed)
    return None if event is None else event.user.tenant_id


def read(text: bytes, *, merged: bool = False) -> Sealed | Claim | None:
    """Check one complete JSON object; None if it is not a journal line at all.

    Args:
        text: the object.
        merged: it is a part of somebody's document, who may have put further keys beside those of the line, as
            Datadog and Elasticsearch do with what they parse. The seal says nothing of those.
    """
    written = as_written(text)
    if written is not None:
        return written
    try:
        document = json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return Claim("altered", *identity(text), _reason(error)) if _BEGIN.match(text) else None
    return check(document, merged=merged) if is_line(document) else None


def check(document: dict[str, Any], *, merged: bool = False) -> Sealed | Claim:
    """Check a journal line that was parsed: by RFC 8785, whatever its spelling was; ``merged`` as in ``read``."""
    chain: dict[str, Any] = document["chain"]
    stream, seq = _claimed(chain)
    version = chain.get("v")
    if isinstance(version, int | float) and version != FORMAT_VERSION:
        return Claim("unknown_version", stream, seq, f"format version {version!r}: too new for this verifier")
    claimed = document.get("seal")
    digest = cast("dict[str, Any]", claimed).get("hash") if isinstance(claimed, dict) else None
    if not isinstance(digest, str):
        return Claim("unhashed", stream, seq, "the line carries no hash")
    own = {key: document[key] for key in _SEALED_KEYS if key in document} if merged else {}
    sealed = _compare(document, digest) or (_compare(own, digest) if merged else None)
    return sealed or Claim("altered", stream, seq, "the line does not match its own hash")


def is_line(document: object) -> bool:
    """Whether a JSON value has the shape of a journal line (others have a key named ``chain`` too)."""
    if not isinstance(document, dict):
        return False
    chain = cast("dict[str, Any]", document).get("chain")
    return isinstance(chain, dict) and len(_CHAIN_KEYS & cast("dict[str, Any]", chain).keys()) > 1


def identity(text: bytes) -> tuple[str | None, int | None]:
    """Stream and sequence number that a broken line still shows."""
    stream, seq = _STREAM.search(text), _SEQ.search(text)
    return (stream[1].decode("utf-8", "replace") if stream else None), (int(seq[1]) if seq else None)


def _compare(document: dict[str, Any], digest: str) -> Sealed | None:
    try:
        canonical = rfc8785.dumps({key: value for key, value in document.items() if key != "seal"})
    except (ValueError, RecursionError):  # no number of ours, no text of ours, no depth of ours
        return None
    chain = _CHAIN.match(canonical)
    if chain is None or hashlib.sha256(canonical).hexdigest() != digest:
        return None
    prev, seq, stream = chain.groups()
    return Sealed(stream.decode("utf-8", "replace"), int(seq), prev.decode(), digest, canonical)


def _claimed(chain: dict[str, Any]) -> tuple[str | None, int | None]:
    stream: object = chain.get("stream")
    return (stream[:64] if isinstance(stream, str) else None), _number(chain.get("seq"))


def _number(seq: object) -> int | None:
    if isinstance(seq, int | float) and 0 < seq < _SEQ_LIMIT and seq == int(seq):
        return int(seq)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two keys of one name: which one counts depends on the reader, so neither may pass."""
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return document


def _reason(error: Exception) -> str:
    text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return f"not readable as JSON: {text}"[:200]
