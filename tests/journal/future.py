"""Streams as a version to come may write them: another format, keys that nobody here knows."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.journal.streams import file_lines, segment_files

Snapshot = dict[str, bytes]


def snapshot(folder: Path) -> Snapshot:
    """Every file of a stream, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def extended(document: dict[str, Any]) -> bytes:
    """A line of format 2 that has more to say, sealed as ours are."""
    document["chain"]["v"] = 2
    document["event"]["consent"] = {"given": True}
    unsealed = {name: value for name, value in document.items() if name != "seal"} | {"proof": ["p"]}
    return sealed(unsealed)


def sealed(unsealed: dict[str, Any]) -> bytes:
    """The line with its hash."""
    text = json.dumps(unsealed, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{text[:-1]},"seal":{{"hash":"{digest}"}}}}\n'.encode()


def unlike(document: dict[str, Any]) -> bytes:
    """A line of format 2 that has nothing of ours but where the version stands."""
    return json.dumps({"chain": {"v": 2, "at": document["chain"]["seq"]}, "what": "happened"}).encode() + b"\n"


def rewrite(folder: Path, write: Callable[[dict[str, Any]], bytes] = extended, *, skip: int = 0) -> None:
    """Write a stream's lines anew, in their segments, but for the first few."""
    first, *others = segment_files(folder)
    lines = [json.loads(line) for line in file_lines(folder)]
    for path in others:
        path.unlink()
    kept = first.read_bytes().splitlines(keepends=True)[:skip]
    first.write_bytes(b"".join((*kept, *map(write, lines[skip:]))))


def all_of_it(folder: Path) -> None:
    """From its first line."""
    rewrite(folder)


def all_of_it_unlike(folder: Path) -> None:
    """From its first line, and unlike ours."""
    rewrite(folder, unlike)


def its_end(folder: Path) -> None:
    """The version to come has adopted a stream of ours, and died over it."""
    rewrite(folder, skip=1)


def its_end_unlike(folder: Path) -> None:
    """Likewise, unlike ours."""
    rewrite(folder, unlike, skip=1)


FUTURES: Final = (all_of_it, all_of_it_unlike, its_end, its_end_unlike)
