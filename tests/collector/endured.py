"""What came of the records of a journal, while something on their way was ended again and again."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from tests.scenes.reconcile import received_lines


@dataclass(frozen=True)
class Place:
    """What one place has of the records that were acknowledged."""

    missing: int
    duplicates: int

    @classmethod
    def of(cls, lines: Iterable[bytes], records: Iterable[Mapping[str, Any]]) -> Self:
        """What it has of these lines, among others."""
        wanted = set(lines)
        copies = Counter(line for line in received_lines(records) if line in wanted)
        return cls(missing=len(wanted) - len(copies), duplicates=copies.total() - len(copies))


@dataclass(frozen=True)
class Endured:
    """The counts.

    Attributes:
        ended: what was ended, and how.
        under_way: how many records were not yet at the place that was watched, at each end.
        sent: records of the journal.
        acknowledged: of which the sender was told that they are kept.
        places: what each place has.
    """

    ended: str
    under_way: tuple[int, ...]
    sent: int
    acknowledged: int
    places: Mapping[str, Place]

    @property
    def lost(self) -> int:
        """Records that are missing anywhere, or were never acknowledged."""
        return self.sent - self.acknowledged + sum(place.missing for place in self.places.values())

    def __str__(self) -> str:
        return json.dumps(asdict(self))
