"""The chain: whatever is changed, missing, added, moved or torn is found at its line, and a kill costs no line."""

import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.record import chain
from firmware.record.writer import CUT, Chain

AT = "2026-11-22T10:00:00.000Z"
SEED, KILLS = 20_262, 1_000


def written(folder: Path, count: int = 30, keep: int = 1_000, segment: int = 10) -> Path:
    log = Chain(folder, keep, AT, segment)
    for number in range(count):
        log.append(AT, "press" if number % 2 else "power", msgspec.json.encode({"number": number}))
    log.close()
    return folder


def test_what_was_written_is_read_and_whole(tmp_path: Path) -> None:
    events = list(chain.read(written(tmp_path)))
    assert [event.seq for event in events] == list(range(1, 31))
    assert chain.verify(tmp_path) == chain.Verdict(events=30, first=1, last=30, hash=events[-1].hash)
    assert b"".join(map(chain.encoded, events)) == b"".join(file.read_bytes() for file in chain.segments(tmp_path))


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [*lines[:4], lines[4].replace(b'"number":14', b'"number":15'), *lines[5:]], 5),
        (lambda lines: [*lines[:4], *lines[5:]], 5),
        (lambda lines: [*lines[:4], lines[2], *lines[4:]], 5),
        (swapped, 4),
        (lambda lines: [*lines[:4], b"noise\n", *lines[4:]], 5),
        (lambda lines: [*lines[:4], lines[4][:-9], *lines[5:]], 5),
    ],
)
def test_a_change_in_the_middle_is_found_at_its_line(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    file = chain.segments(written(tmp_path))[1]
    file.write_bytes(b"".join(change(file.read_bytes().splitlines(keepends=True))))
    fault = chain.verify(tmp_path).faults[0]
    assert (fault.file, fault.line) == (file.name, line)


def test_a_line_that_was_hashed_anew_breaks_the_next_one(tmp_path: Path) -> None:
    file = chain.segments(written(tmp_path))[1]
    lines = file.read_bytes().splitlines(keepends=True)
    old = chain.parse(lines[4])
    assert isinstance(old, chain.Event)
    lines[4], _ = chain.line(chain.Last(seq=old.seq - 1, hash=old.prev), AT, "power", b'{"number":99}')
    file.write_bytes(b"".join(lines))
    fault = chain.verify(tmp_path).faults[0]
    assert (fault.file, fault.line, fault.why) == (file.name, 6, "the line does not point at the one before it")


def test_a_segment_that_was_taken_away_is_found(tmp_path: Path) -> None:
    first, middle, last = chain.segments(written(tmp_path))
    middle.unlink()
    assert [(fault.file, fault.line) for fault in chain.verify(tmp_path).faults] == [(last.name, 1)]
    first.unlink()
    assert chain.verify(tmp_path, keep_events=1_000).faults[0].why == "lines before number 21 were taken away"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_found(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "once"
    if not folder.exists():
        written(folder)
    file = chain.segments(folder)[data.draw(st.integers(0, 2))]
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :])
    verdict = chain.verify(folder)
    file.write_bytes(whole)
    line = whole[:at].count(b"\n") + 1
    assert verdict.faults[0].file == file.name and verdict.faults[0].line in (line, line + 1)


@given(st.binary(max_size=300))
def test_noise_is_no_event(noise: bytes) -> None:
    assert isinstance(chain.parse(noise), str)


def test_it_is_bounded_and_stays_verifiable(tmp_path: Path) -> None:
    written(tmp_path, count=2_005, keep=100, segment=10)
    verdict = chain.verify(tmp_path, keep_events=100)
    assert verdict.whole and verdict.last == 2_005 and 100 <= verdict.events <= 120


def test_a_full_disk_costs_the_event_and_not_the_chain(tmp_path: Path) -> None:
    """The file may grow by half a line more, as on a disk with that much room."""
    log = Chain(tmp_path, 1_000, AT)
    log.append(AT, "power", b"{}")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.file.stat().st_size + 99, before[1]))
    try:
        with pytest.raises(OSError, match="no space"):
            log.append(AT, "power", b"{}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert chain.verify(tmp_path).whole and log.append(AT, "power", b"{}").seq == 2
    log.close()
    assert chain.verify(tmp_path).last == 2


class Killed(Chain):
    """A recorder that is killed by the kernel when it has written `bytes_left` bytes more."""

    bytes_left = 0

    def _write(self, raw: bytes) -> None:
        os.write(self._handle, raw[: self.bytes_left])
        if self.bytes_left < len(raw):
            os.kill(os.getpid(), signal.SIGKILL)
        self.bytes_left -= len(raw)


def killed_after(folder: Path, bytes_left: int, dice: Random) -> None:
    """A process of its own opens the chain, writes on, and dies at that byte."""
    child = os.fork()
    if child == 0:
        Killed.bytes_left = bytes_left
        log = Killed(folder, 150, AT, 25)
        while True:
            log.append(AT, "power", msgspec.json.encode({"said": "x" * dice.randrange(200)}))
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs are not what is tested here."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.mark.timeout(300)
def test_killed_at_a_random_byte_a_thousand_times(memory: Path) -> None:
    dice, torn, newest = Random(SEED), 0, 0
    print(f"{KILLS} kills, seed {SEED}")
    for kill in range(KILLS):
        killed_after(memory, dice.randrange(4_000), dice)
        verdict = chain.verify(memory)
        last = chain.segments(memory)[-1]
        lines = last.read_bytes().splitlines(keepends=True)
        assert all(fault.torn and (fault.file, fault.line) == (last.name, len(lines)) for fault in verdict.faults), kill
        assert len(verdict.faults) <= 1 and (verdict.last or 0) >= newest, kill
        torn, newest = torn + len(verdict.faults), verdict.last or 0
    log = Chain(memory, 150, AT, 25)
    log.close()
    assert chain.verify(memory, keep_events=150).whole and torn > KILLS / 2
    assert any(event.kind == CUT for event in chain.read(memory))


def test_a_changed_last_line_is_kept_and_pointed_at(tmp_path: Path) -> None:
    file = chain.segments(written(tmp_path, count=3))[0]
    file.write_bytes(file.read_bytes().replace(b'"number":2', b'"number":7'))
    log = Chain(tmp_path, 1_000, AT, 10)
    log.append(AT, "power", b"{}")
    log.close()
    assert [fault.line for fault in chain.verify(tmp_path).faults] == [3]


def test_filters(tmp_path: Path) -> None:
    events = list(chain.read(written(tmp_path)))
    assert {event.kind for event in chain.filtered(events, frozenset({"press"}))} == {"press"}
    assert len(list(chain.filtered(events, after=25))) == 5 and not list(chain.filtered(events, until=AT))
    assert [event.seq for event in chain.read(tmp_path, after=25)] == [26, 27, 28, 29, 30]
