"""Every shell and Python block of the README and the documentation does what the page says."""

from pathlib import Path

import pytest

from tests.docs import pages, shape
from tests.docs.pages import Block
from tests.docs.reader import Reader

_RUN = {"python", "sh", "console"}
_SHOWN = {"text", "json", "jsonl", "toml", "ini", "yaml", "dockerfile", "mermaid"}


def _named(page: Path) -> str:
    return str(page.relative_to(pages.ROOT))


def _blocks(page: Path) -> list[Block]:
    return [part for part in pages.parts(page.read_text(encoding="utf-8")) if isinstance(part, Block)]


RUNNABLE = [page for page in pages.pages() if any(block.language in _RUN for block in _blocks(page))]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", RUNNABLE, ids=_named)
def test_a_page_can_be_followed_as_it_is_written(page: Path, tmp_path: Path) -> None:
    with Reader(tmp_path) as reader:
        for part in pages.parts(page.read_text(encoding="utf-8")):
            try:
                reader.do(part)
            except AssertionError as error:
                raise AssertionError(f"{_named(page)}:{part.line}: {error}") from error
        assert not reader.unused(), "files that no command of the page names"


@pytest.mark.parametrize("page", pages.pages(), ids=_named)
def test_every_block_says_what_it_is(page: Path) -> None:
    unknown = {block.line: block.language for block in _blocks(page) if block.language not in _RUN | _SHOWN}
    assert not unknown, "lines whose blocks would be run by nobody"


@pytest.mark.parametrize("page", pages.pages(), ids=_named)
def test_no_fence_is_left_open_or_missed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert sum(line.lstrip().startswith("```") for line in text.splitlines()) == 2 * len(_blocks(page))


def test_another_answer_than_the_shown_one_is_noticed() -> None:
    row = "10:30:00  alice@acme  read_chart  success  150 ms  patient:4711\n"
    assert shape.difference(row, "09:00:59  alice@acme   read_chart  success    3 ms  patient:4711\n") is None
    assert shape.difference(row, "10:30:00  alice@acme  read_chart  denied  150 ms  patient:4711\n")
    assert shape.difference(row, "10:30:00  bob@acme  read_chart  success  150 ms  patient:4711\n")
    assert shape.difference("a\n...\n", "a\nb\nc\n") is None
    assert shape.difference("3 records\n", "4 records\n")
