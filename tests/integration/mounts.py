"""Small file systems of one's own, to be filled, made read-only and taken away."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.require import require


def mount(*arguments: str) -> None:
    """Run ``mount``.

    Raises:
        OSError, subprocess.CalledProcessError: it may not.
    """
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextmanager
def small_disk(place: Path, size: str = "256k") -> Generator[Path]:
    """A file system of so many bytes while it is entered; skips, aloud, where this user may not mount one."""
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(place))
    except (OSError, subprocess.CalledProcessError) as error:
        require("mount", False, f"user {os.geteuid()} may not mount a tmpfs ({error}); run the tests as root")  # noqa: FBT003 -- it is not
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


def fill(disk: Path) -> Path:
    """Leave not one byte; the file that takes them."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return filler
