"""A page of Markdown as what is to be done with it, in its order.

Directives for the tests stand in comments that no reader sees:

* ``<!-- docs: run COMMAND -->``: something the reader does elsewhere, such as using the server with a client.
* ``<!-- docs: serve -->``: the next block starts a server and leaves it running; ``stop`` ends it with SIGTERM.
* ``<!-- docs: receiver -->``: an OTLP receiver stands where the page says ``localhost:4318``.
* ``<!-- docs: collector -->``: the next block starts a Collector, which stands at the ports that the page names.
* ``<!-- docs: collector beside -->``: the same, and an earlier one goes on, on the ports that the page names.
* ``<!-- docs: destinations -->``: real receivers stand where the page names Splunk's, Datadog's and an OTLP store.
* ``<!-- docs: part NAME -->``: a real part of ``tests.parts`` stands where the page names it, its programs at hand.
* ``<!-- docs: prometheus -->``: from here on the reader has Prometheus's tools.
* ``<!-- docs: status 1 -->``: the next block's last command ends with this exit status.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

_PART: Final = re.compile(
    r"^<!-- docs: (?P<directive>[^\n]*?) -->$|^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_TITLE: Final = re.compile(r'title="([^"]+)"')


class Directive(NamedTuple):
    """Something for the tests alone."""

    verb: str
    argument: str
    line: int


class Block(NamedTuple):
    """A fenced block: its language, the file it is if it has a title, its text."""

    language: str
    title: str | None
    text: str
    line: int


class Command(NamedTuple):
    """A command of a console block, and what the page shows as its answer."""

    text: str
    answer: str


def pages() -> list[Path]:
    """Every page that is written by hand."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def parts(page: str) -> Iterator[Directive | Block]:
    """The blocks and directives of a page's text."""
    for found in _PART.finditer(page):
        line = page.count("\n", 0, found.start()) + 1
        if found["directive"] is not None:
            verb, _, argument = found["directive"].partition(" ")
            yield Directive(verb, argument, line)
        else:
            language, _, rest = found["info"].strip().partition(" ")
            title = _TITLE.search(rest)
            yield Block(language, title[1] if title else None, _dedented(found["text"], found["indent"]), line)


def _dedented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


def commands(block: Block) -> Iterator[Command]:
    """The commands of a ``sh`` block, which shows no answers, or of a ``console`` block, after ``$``."""
    if block.language == "sh":
        yield Command(block.text, "")
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, answer = re.sub(r"\\\n> ", "", part).partition("\n")
        yield Command(command, answer)
