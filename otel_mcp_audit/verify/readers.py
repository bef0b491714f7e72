"""Read files and folders into a chain, and say of each what could not be read or held nothing."""

from collections.abc import Callable
from pathlib import Path

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
    for source in sources(path):
        if isinstance(source, UnreadableError):
            chain.find(at(Place(str(source.path)), "unreadable", source.reason))
            blank = False
        else:
            blank &= _read_file(source, chain, progress)
    if blank:
        chain.find(Finding(kind="unreadable", path=str(path), detail="empty: there is nothing in it to verify"))


def _read_file(source: Source, chain: Chain, progress: Progress | None) -> bool:
    """Read one file; answers whether it could be read and there was nothing in it."""
    chain.in_journal = source.journal
    segment = is_segment(source.path)
    scanner = Scanner(chain, str(source.path), segment=segment, live=lambda: segment and held(source.path.parent))
    try:
        for piece in pieces(source):
            scanner.feed(piece)
            if progress is not None:
                progress(len(piece))
    except UnreadableError as error:
        chain.find(at(Place(str(error.path)), "unreadable", error.reason))
        scanner.finish()
        return False
    scanner.finish()
    if not scanner.found and not scanner.blank:
        _nothing_of_ours(source, chain)
    return scanner.blank


def _nothing_of_ours(source: Source, chain: Chain) -> None:
    if source.journal and not is_segment(source.path):
        chain.note(f"{source.path}: not a segment, and no journal line in it")
    else:
        chain.find(at(Place(str(source.path)), "foreign", "there is no journal line in it"))
