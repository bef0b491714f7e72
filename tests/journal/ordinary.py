"""An ordinary user beside root, whom no folder's mode stops: code run as one, in a child process."""

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

USER: Final = 54321

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("AUDIT_REQUIRE"),
    reason="mounting, and becoming another user, need root: run the tests as root",
)


class Ordinary:
    """A user without rights, with a folder.

    Args:
        place: a folder that everybody may enter.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "folder"
        self.folder.mkdir(mode=0o700)
        os.chown(self.folder, USER, USER)

    def run(self, work: Callable[[], Any], *, prepare: Callable[[], None] = lambda: None) -> Any:
        """What ``work`` answers as this user, after ``prepare`` as root; it must be JSON."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._in_child(work, prepare, writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        assert status == 0, text
        return json.loads(text)

    @staticmethod
    def _in_child(work: Callable[[], Any], prepare: Callable[[], None], writing: int) -> None:
        try:
            prepare()
            os.setgroups([])
            os.setgid(USER)
            os.setuid(USER)
            os.write(writing, json.dumps(work()).encode())
            os._exit(0)
        except BaseException:
            os.write(writing, traceback.format_exc().encode())
            os._exit(1)
