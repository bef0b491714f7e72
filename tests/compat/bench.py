"""Where a suite is run: the release's source beside an environment with what its tests need, and us."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any, Final

from tests.compat.upstreams import TOOLS, UNPUBLISHED, Upstream

ROOT: Final = Path(__file__).parents[2]
CACHE: Final = ROOT / ".cache" / "compat"
INSIDE: Final = Path(__file__).with_name("inside")
HARNESS: Final = ("pytest-timeout", "pytest-xdist", "opentelemetry-distro")

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_SNAPSHOT: Final = re.compile(r'^SNAPSHOT: Final = "([^"]+)"', re.MULTILINE)


class Bench:
    """An upstream's suite, ready to run.

    Attributes:
        source: the unpacked source distribution.
        python: the interpreter of the environment.
        switch: while this file is there, every Python of the environment audits into the folder that it names.
    """

    def __init__(self, name: str, upstream: Upstream) -> None:
        self.upstream = upstream
        self.folder = CACHE / name
        self._environment = self.folder / "environment"
        self.python = self._environment / "bin" / "python"
        self.switch = self._environment / "auditing"
        self.source = self.folder / "source"

    @property
    def release(self) -> str:
        """Package and version."""
        (unpacked,) = self.source.iterdir()
        return unpacked.name

    @property
    def suite(self) -> Path:
        """The folder that the suite is run in."""
        (unpacked,) = self.source.iterdir()
        return unpacked

    def set_up(self, wheel: Path) -> None:
        """Fetch and install what is not there yet; our wheel always anew."""
        if not self.source.exists():
            self._unpack(self._fetch())
        needs = [self.upstream.requirement, *self._needs(), *HARNESS]
        installed = self._environment / "installed.txt"
        if not installed.exists() or installed.read_text(encoding="utf-8") != "\n".join(needs):
            _uv("venv", "--quiet", "--clear", "--python", sys.executable, self._environment)
            self._install(*needs, wheel)
            installed.write_text("\n".join(needs), encoding="utf-8")
        self._install("--reinstall-package", "otel-mcp-audit", "--no-deps", wheel)
        self.switch.unlink(missing_ok=True)
        (site_packages,) = (self._environment / "lib").glob("python3.*/site-packages")
        for file in INSIDE.glob("*.py"):
            shutil.copy(file, site_packages)

    def _fetch(self) -> Path:
        package = self.upstream.package
        fetched = self.folder / "fetched"
        options = ("--quiet", "--no-deps", "--no-binary", package, "--dest", fetched)
        _uv("tool", "run", "--quiet", "pip", "download", *options, f"{package}{self.upstream.version}")
        (archive,) = fetched.glob("*.tar.gz")
        return archive

    def _unpack(self, archive: Path) -> None:
        partial = self.folder / "unpacking"
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as file:
            file.extractall(partial, filter="data")
        partial.rename(self.source)

    def _needs(self) -> list[str]:
        """What the upstream's own ``dev`` group names, without itself, what no test needs, and what no index has."""
        project = tomllib.loads((self.suite / "pyproject.toml").read_text(encoding="utf-8"))
        group: list[Any] = project["dependency-groups"]["dev"]
        needless = TOOLS | UNPUBLISHED | {self.upstream.package}
        return [need for need in group if isinstance(need, str) and _name(need) not in needless]

    def _install(self, *what: str | Path) -> None:
        _uv("pip", "install", "--quiet", "--python", self._environment, "--exclude-newer", _snapshot(), *what)


def wheel() -> Path:
    """Our wheel, built anew."""
    out = CACHE / "wheel"
    shutil.rmtree(out, ignore_errors=True)
    _uv("build", "--wheel", "--quiet", "--out-dir", out, ROOT)
    return next(out.glob("*.whl"))


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    return found[0].lower() if found else requirement


def _snapshot() -> str:
    """The moment after which no release exists for the matrix either."""
    found = _SNAPSHOT.search((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    assert found, "noxfile.py names no SNAPSHOT"
    return found[1]


def _uv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", *map(str, arguments)], check=True, env=os.environ)
