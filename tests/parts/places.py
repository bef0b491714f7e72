"""Real parts where a page names them."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.parts import seaweedfs
from tests.parts.kafka import Kafka
from tests.parts.seaweedfs import SeaweedFS
from tests.parts.victorialogs import VictoriaLogs


@contextmanager
def stand(name: str, folder: Path) -> Generator[Mapping[str, str]]:
    """Have a part run.

    Args:
        name: of the part.
        folder: empty; the part's files are made in it.

    Yields:
        What a page writes, and what stands for it.
    """
    if name == "kafka":
        with Kafka(folder) as kafka:
            yield {"kafka.example:9092": kafka.address}
    elif name == "victorialogs":
        with VictoriaLogs(folder) as store:
            yield {"http://logs.example:9428": store.url}
    else:
        with SeaweedFS(folder) as store:
            yield {"https://s3.example": store.url, "your-key-id": seaweedfs.KEY, "your-secret": seaweedfs.SECRET}
