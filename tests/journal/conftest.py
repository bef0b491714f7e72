import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_mcp_audit.journal import Stream, home
from tests.journal.ordinary import Ordinary
from tests.journal.streams import body, header


@pytest.fixture
def ordinary() -> Iterator[Ordinary]:
    """An ordinary user; not below pytest's own folder, which only root may enter."""
    place = Path(tempfile.mkdtemp(prefix="otel-mcp-audit-test-"))
    place.chmod(0o755)
    yield Ordinary(place)
    shutil.rmtree(place)


@pytest.fixture
def look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are looked up with every record, not once a second."""
    monkeypatch.setattr(home, "LOOK_EVERY_S", 0.0)


@pytest.fixture
def stream(tmp_path: Path, look_every_time: None) -> Iterator[Stream]:
    """Five records and an open call."""
    stream = Stream.create(tmp_path / "journal")
    stream.append(header())
    for n in range(1, 5):
        stream.append(body(f"call-{n}"))
    stream.begin("open", body("open"))
    yield stream
    stream.close()
