import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.ordinary import Ordinary


@pytest.fixture
def ordinary() -> Iterator[Ordinary]:
    """An ordinary user; not below pytest's own folder, which only root may enter."""
    place = Path(tempfile.mkdtemp(prefix="otel-mcp-audit-test-"))
    place.chmod(0o755)
    yield Ordinary(place)
    shutil.rmtree(place)
