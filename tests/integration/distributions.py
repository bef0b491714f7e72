"""Installed distributions of which nothing is there but the metadata."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def distribution(folder: Path, name: str, version: str, entry_points: str = "") -> None:
    """Lay out an installed distribution by hand."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def before_all(folder: Path, environ: dict[str, str]) -> dict[str, str]:
    """With a folder in front of the installed packages."""
    return environ | {"PYTHONPATH": f"{folder}:{ROOT}"}
