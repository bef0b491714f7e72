"""The seal: one definition of the hash."""

import hashlib
import json

import rfc8785

from otel_mcp_audit import seal

BODY = b'{"event":{"tool":",\\"seal\\":{\\"hash\\":\\""},"params":[{"name":",\\"seal\\""}]}'


def test_the_hash_is_over_the_canonical_line_without_its_seal() -> None:
    line, digest = seal.seal(BODY, seal.Link("s", 7, "a" * 64))
    document = json.loads(line)
    assert document.pop("seal") == {"hash": digest}
    assert document["chain"] == {"prev": "a" * 64, "seq": 7, "stream": "s", "v": 1}
    assert hashlib.sha256(rfc8785.dumps(document)).hexdigest() == digest


def test_a_line_is_checked_by_what_stands_before_its_last_seal() -> None:
    line, digest = seal.seal(BODY, seal.Link("s", 1, seal.GENESIS))
    assert seal.written_hash(line.rstrip(b"\n")) == digest
    assert seal.written_hash(line.replace(b'"seq":1', b'"seq":2')) != digest


def test_what_is_no_line_of_ours_has_no_hash() -> None:
    assert seal.written_hash(b'{"event":{}}') is None


def test_chain_and_seal_never_add_more_than_the_overhead() -> None:
    link = seal.Link("00000000-0000-0000-0000-000000000000", 2**53 - 1, "f" * 64)
    assert len(seal.seal(BODY, link)[0]) - len(BODY) <= seal.OVERHEAD
