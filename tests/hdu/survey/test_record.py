"""The file: whatever is cut off its end, all whole lines are there and measuring goes on behind them."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdu.failure import Failure
from hdu.survey.record import Writer, read, share, spans
from hdu.survey.sampling import Begin, Entry, Event, Resume, Sample

BEGIN = Begin(unit="hdu-0001", version="1", at=0.0, length_s=100.0, every_s=1.0)
ENTRIES: list[Entry] = [
    BEGIN,
    Event(at=0.0, what="wired", now="up"),
    Sample(at=10.0, covers_s=10.0),
    Event(at=12.0, what="wired", now="down"),
    Sample(at=20.0, covers_s=10.0),
    Resume(at=50.0),
    Event(at=50.0, what="wired", now="up"),
    Sample(at=60.0, covers_s=10.0),
]
CONTENT = b"".join(msgspec.json.encode(each) + b"\n" for each in ENTRIES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "s")
    for each in ENTRIES:
        writer.add(each)
    writer.close()
    found = read(tmp_path / "s")
    assert (found.begin, list(found.entries), found.measured_s, found.left_s) == (BEGIN, ENTRIES, 30.0, 70.0)


@given(cut=st.integers(CONTENT.index(b"\n") + 1, len(CONTENT)))
def test_a_file_cut_anywhere_is_gone_on_with(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("survey") / "s"
    file.write_bytes(CONTENT[:cut])
    found = read(file)
    assert list(found.entries) == ENTRIES[: CONTENT[:cut].count(b"\n")]
    writer = Writer(file, found.whole_bytes)
    writer.add(Resume(at=70.0))
    writer.close()
    assert list(read(file).entries) == [*found.entries, Resume(at=70.0)]


@pytest.mark.parametrize("content", [b"", b"{}\n", b'{"type":"resume","at":1.0}\n', b"not json\n", CONTENT[:50]])
def test_what_is_no_survey_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(Failure):
        read(tmp_path / "s")


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    lines = CONTENT.splitlines(keepends=True)
    (tmp_path / "s").write_bytes(b"".join([*lines[:3], b"{broken\n", *lines[3:]]))
    with pytest.raises(Failure, match="line 4"):
        read(tmp_path / "s")


def test_a_survey_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(CONTENT)
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "s")


def test_spans_end_where_nobody_looked() -> None:
    found = [(each.state, each.began, each.length_s, each.ended) for each in spans(tuple(ENTRIES))]
    assert found == [("up", 0.0, 12.0, True), ("down", 12.0, 8.0, False), ("up", 50.0, 10.0, False)]
    assert share(list(spans(tuple(ENTRIES))), "up") == pytest.approx(22 / 30)


@given(st.lists(st.tuples(st.floats(0.001, 100), st.sampled_from(["up", "down", "unknown"])), min_size=1))
def test_spans_cover_the_time_that_was_measured(steps: list[tuple[float, str]]) -> None:
    at, entries = 0.0, list[Entry]()
    for gap_s, state in steps:
        entries.append(Event(at=at, what="wired", now=state))
        at += gap_s
    entries.append(Sample(at=at, covers_s=at))
    assert sum(each.length_s for each in spans(tuple(entries))) == pytest.approx(at)
