"""Any sequence of starts, records, crashes and torn tails keeps the chain whole and the open calls right."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_mcp_audit.journal import Stream
from otel_mcp_audit.line import Head, decode_line
from tests.journal.streams import assert_chain, body, crash, file_lines, header, ids, reopened, segment_files

STEPS = st.one_of(
    st.tuples(st.just("begin"), st.integers(0, 9)),
    st.tuples(st.just("end"), st.integers(0, 9)),
    st.tuples(st.just("note"), st.integers(0, 2000)),
    st.tuples(st.just("crash"), st.binary(max_size=50)),
)


class Model:
    """What should be there, beside what is."""

    def __init__(self, root: Path, segment_bytes: int) -> None:
        self._segment_bytes = segment_bytes
        self.stream = Stream.create(root, segment_bytes=segment_bytes)
        self.stream.append(header())
        self.kept = ["start"]
        self.open: dict[str, bytes] = {}
        self._count = 0

    def step(self, kind: str, value: Any) -> None:
        self._count += 1
        getattr(self, f"_{kind}")(value)

    def _begin(self, number: int) -> None:
        call = f"{number}-{self._count}"
        self.open[call] = body(call, pad=number * 30)
        self.stream.begin(call, self.open[call])

    def _end(self, number: int) -> None:
        for call in [call for call in self.open if call.startswith(f"{number}-")][:1]:
            self.stream.append(body(call), ends=call)
            del self.open[call]
            self.kept.append(call)

    def _note(self, pad: int) -> None:
        self.stream.append(body(f"note-{self._count}", pad=pad))
        self.kept.append(f"note-{self._count}")

    def _crash(self, torn: bytes) -> None:
        crash(self.stream)
        folder = self.folder
        with segment_files(folder)[-1].open("ab") as file:
            file.write(torn.replace(b"\n", b" "))
        self.stream = reopened(folder, segment_bytes=self._segment_bytes)
        assert [found.reason for found in self.stream.incidents] == (["torn_tail"] if torn else [])

    @property
    def folder(self) -> Path:
        assert self.stream.path is not None
        return self.stream.path

    def check(self) -> None:
        lines = file_lines(self.folder)
        assert_chain(lines, self.stream.id)
        assert ids(lines) == self.kept
        assert dict(self.stream.open_calls) == self.open
        assert self.stream.head == Head(decode_line(lines[-1]).seal.hash, len(lines), self.stream.id)
        assert len(list(self.folder.glob("*.starts"))) == 1
        assert all(path.stem == f"{int(path.stem):012d}" for path in segment_files(self.folder))


@settings(max_examples=150)
@given(steps=st.lists(STEPS, max_size=40), segment_bytes=st.sampled_from([1, 2000, 5000, 1 << 20]))
def test_any_sequence_of_events_keeps_the_chain_whole_and_the_open_calls_right(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]], segment_bytes: int
):
    model = Model(tmp_path_factory.mktemp("model"), segment_bytes)
    for kind, value in steps:
        model.step(kind, value)
    model.check()
    crash(model.stream)
    model.stream = reopened(model.folder, segment_bytes=segment_bytes)
    model.check()
    model.stream.close()
