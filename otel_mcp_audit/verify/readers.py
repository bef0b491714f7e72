"""Read files and folders into a chain, and say of each what could not be read or held nothing."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from otel_mcp_audit.verify import forms
from otel_mcp_audit.verify.chain import Chain
from otel_mcp_audit.verify.files import Source, UnreadableError, is_segment, pieces, sources
from otel_mcp_audit.verify.finding import Finding, Place, at
from otel_mcp_audit.verify.held import held
from otel_mcp_audit.verify.scanner import Scanner

Progress = Callable[[int], None]
"""Told how many bytes were just read."""


def read(path: Path, chain: Chain, progress: Progress | None = None) -> None:
    """Read one file or folder into a chain."""
    blank = True
    # All names first: a stream that begins meanwhile may name the end of one that was read before it ended.
    for source in list(sources(path)):
        if isinstance(source, UnreadableError):
            chain.find(at(Place(str(source.path)), "unreadable", source.reason))
            blank = False
        else:
            blank &= _read_file(source, chain, progress)
    chain.living |= {name for name, folder in _streams(path) if chain.open_ended(name) and held(folder)}
    if blank:
        chain.find(Finding(kind="unreadable", path=str(path), detail="empty: there is nothing in it to verify"))


def _streams(path: Path) -> Iterator[tuple[str, Path]]:
    """Streams of a journal, or the one whose folder it is, with their folders."""
    with contextlib.suppress(OSError):
        if path.is_dir():
            yield path.name, path
            yield from ((folder.name, folder) for folder in path.iterdir())


def _read_file(source: Source, chain: Chain, progress: Progress | None) -> bool:
    """Read one file; answers whether it could be read and there was nothing in it."""
    chain.in_journal = source.journal
    segment = is_segment(source.path)
    scanner = Scanner(chain, str(source.path), segment=segment, live=lambda: segment and held(source.path.parent))
    head = b""
    try:
        for piece in pieces(source):
            head += piece[: forms.HEAD - len(head)]
            if forms.spelled_anew(head):
                break
            scanner.feed(piece)
            if progress is not None:
                progress(len(piece))
    except UnreadableError as error:
        chain.find(at(Place(str(error.path)), "unreadable", error.reason))
        scanner.finish()
        return False
    scanner.finish()
    unread = forms.spelled_anew(head)
    if unread or (not scanner.found and not scanner.blank):
        _nothing_of_ours(source, chain, head)
    return scanner.blank and not unread


def _nothing_of_ours(source: Source, chain: Chain, head: bytes) -> None:
    if source.journal and not is_segment(source.path):
        chain.note(f"{source.path}: not a segment, and no journal line in it")
    else:
        chain.find(at(Place(str(source.path)), "foreign", forms.explain(head)))
