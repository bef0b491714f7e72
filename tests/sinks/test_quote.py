"""What the other side said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.sinks import quote


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("http: request body too large", "http: request body too large"),
        ("cannot reach https://audit:hunter2@collector:4318/v1/logs", "cannot reach https://collector:4318/v1/logs"),
        ("to https://audit:hun/ter@2@collector:4318", "to https://collector:4318"),
        ("errors resolving audit:hun/ter2@127.0.0.1:9: [name]", "errors resolving ***@127.0.0.1:9: [name]"),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: *** ***"),
        ("bad header ('authorization', 'Basic YTpi')", "bad header ('authorization', '*** ***')"),
        ("api-key=abcdef0123, retry", "api-key=***, retry"),
        ("dd-api-key: 0123456789abcdef", "dd-api-key: ***"),
        ('{"password": "x y", "code": 3}', '{"password": "*** y", "code": 3}'),
        ("two\nlines\x1b[31m\u202e", r"two\nlines\x1b[31m\u202e"),
        (b"bytes \xff\n", "bytes \ufffd"),
        ("", ""),
    ],
)
def test_a_quoted_text_is_one_harmless_line_without_credentials(said: str | bytes, kept: str) -> None:
    assert quote(said) == kept


@given(st.text() | st.binary())
def test_whatever_is_said_is_short_and_printable(said: str | bytes) -> None:
    kept = quote(said)
    assert len(kept) <= 200
    assert kept.isprintable()


def test_a_long_answer_is_cut_and_costs_no_time() -> None:
    kept = quote("token" * 1_000_000)
    assert len(kept) == 200
    assert kept.endswith("…")
