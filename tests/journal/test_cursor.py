import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_mcp_audit.journal import Cursor, Position, load, name_for
from otel_mcp_audit.journal.cursor import least


def test_a_cursor_comes_back_as_it_was_saved(tmp_path: Path):
    path = tmp_path / "otlp.cursor"
    cursor = Cursor(segment=5, offset=77, seq=9, last_ok="then", answer="accepted", quarantined=2)
    cursor.save(path)
    assert load(path) == (cursor, None)
    assert cursor.position == Position(5, 77)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_sink_without_a_cursor_begins_at_the_beginning(tmp_path: Path):
    assert load(tmp_path / "new.cursor") == (Cursor(), None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"segment":"1"}',
        b'{"segment":-1}',
        b'{"offset":-1}',
        b'{"seq":9007199254740993}',
        b'{"offset":1e99}',
        b'{"segment":null}',
        b" " * 100_000,
    ],
)
def test_a_cursor_that_makes_no_sense_begins_at_the_beginning_and_says_so(tmp_path: Path, content: bytes):
    path = tmp_path / "otlp.cursor"
    path.write_bytes(content)
    cursor, problem = load(path)
    assert cursor == Cursor()
    assert problem is not None
    assert "otlp.cursor" in problem
    assert "delivered again" in problem


def test_a_cursor_that_is_a_link_or_a_pipe_is_not_followed(tmp_path: Path):
    Cursor(segment=5).save(tmp_path / "real.cursor")
    (tmp_path / "link.cursor").symlink_to(tmp_path / "real.cursor")
    os.mkfifo(tmp_path / "pipe.cursor")
    for name in ("link", "pipe"):
        cursor, problem = load(tmp_path / f"{name}.cursor")
        assert cursor == Cursor()
        assert problem is not None


def test_a_saved_cursor_replaces_a_link_and_leaves_its_target_alone(tmp_path: Path):
    target = tmp_path / "target"
    target.write_text("mine", encoding="utf-8")
    (tmp_path / "otlp.cursor").symlink_to(target)
    Cursor(segment=5).save(tmp_path / "otlp.cursor")
    assert target.read_text(encoding="utf-8") == "mine"
    assert load(tmp_path / "otlp.cursor")[0].segment == 5


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path):
    (tmp_path / "otlp.cursor").write_bytes(b'{"segment":3,"offset":4,"later":{"a":1}}')
    assert load(tmp_path / "otlp.cursor") == (Cursor(segment=3, offset=4), None)


def test_the_least_cursor_decides(tmp_path: Path):
    assert least(tmp_path) is None
    Cursor(segment=5, offset=1).save(tmp_path / "a.cursor")
    Cursor(segment=3, offset=9).save(tmp_path / "b.cursor")
    assert least(tmp_path) == Position(3, 9)
    (tmp_path / "c.cursor").write_bytes(b"corrupt")
    assert least(tmp_path) == Position(0, 0)


@pytest.mark.parametrize("text", ["otlp", "console", "my_sink-2.x"])
def test_a_plain_sink_keeps_its_name(text: str):
    assert name_for(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana:CANARY@db/audit",
        "postgresql://ana:CANARY@db:5432/audit?password=CANARY&sslmode=require",
        "otlp+https://CANARY@collector:4318",
        "otlp+https://collector:4318?api_key=CANARY",
        "http://ana:CAN@ARY@host/CAN",
        "http://ana:CANARY@[::1/half-an-address",
    ],
)
def test_neither_user_nor_password_is_in_a_name(text: str):
    name = name_for(text)
    assert "CANARY" not in name
    assert "ana" not in name


def test_a_changed_password_keeps_the_cursor_and_another_database_has_its_own():
    assert name_for("postgresql://a:one@db/audit") == name_for("postgresql://b:two@db/audit")
    assert name_for("postgresql://db/audit?password=one&a=b") == name_for("postgresql://db/audit?password=two&a=b")
    assert len(name_for("x" * 300)) <= 100
    texts = [
        "postgresql://db/audit",
        "postgresql://db/other",
        "postgresql://db/audit?table=b",
        "postgresql-db-audit",
        "module:name",
        "module:name#2",
        "otlp+http://h:1",
        "otlp+grpc://h:1",
        "otlp+http://[::1]:4318",
        "x" * 65,
        "x" * 66,
        ".hidden",
        "",
        "..",
        "a/b",
        "a-b",
    ]
    assert len({name_for(text) for text in texts}) == len(texts)


@given(st.text())
def test_any_text_gives_a_safe_file_name(text: str):
    name = name_for(text)
    assert 0 < len(name.encode()) <= 100
    assert name.isascii()
    assert not set(name) & set("/\\\0\n\t *?")
    assert not name.startswith(".")
    assert name_for(text) == name
