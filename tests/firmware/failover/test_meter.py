"""LTE bytes counted over restarts of the interface and of the service, and kept where they cannot be written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.config import FailoverPolicy
from firmware.failover import meter as metering
from firmware.failover.meter import SAVE_BYTES, SAVE_S, Meter

AT = datetime(2026, 11, 16, tzinfo=UTC)
Counter = Callable[[int, int], None]


@pytest.fixture
def counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """An interface's counters in a folder of the test's."""
    monkeypatch.setattr(metering, "COUNTERS", str(tmp_path / "{}-{}"))

    def put(received: int, sent: int) -> None:
        (tmp_path / "lte0-rx").write_text(f"{received}\n")
        (tmp_path / "lte0-tx").write_text(f"{sent}\n")

    put(0, 0)
    return put


def meter(folder: Path) -> Meter:
    return Meter(folder / "lte-usage.json", ["lte0"], FailoverPolicy())


def test_both_directions_count_and_what_was_there_before_the_first_look_too(tmp_path: Path, counter: Counter) -> None:
    counter(1_000, 500)
    here = meter(tmp_path)
    assert here.read(0.0, AT).used_bytes == 1_500
    counter(2_000, 600)
    assert here.read(1.0, AT).used_bytes == 2_600
    assert here.part == pytest.approx(0.5)


def test_an_interface_that_began_anew_or_is_away_loses_nothing(tmp_path: Path, counter: Counter) -> None:
    here = meter(tmp_path)
    counter(5_000, 0)
    here.read(0.0, AT)
    (tmp_path / "lte0-rx").unlink()
    here.read(1.0, AT)
    counter(300, 0)
    assert here.read(2.0, AT).used_bytes == 5_300


def test_a_new_month_begins_at_nothing(tmp_path: Path, counter: Counter) -> None:
    here = meter(tmp_path)
    counter(5_000, 0)
    here.read(0.0, AT)
    counter(5_100, 0)
    assert here.read(1.0, AT + timedelta(days=20)).used_bytes == 100


def test_it_is_kept_over_a_restart_of_the_service(tmp_path: Path, counter: Counter) -> None:
    here = meter(tmp_path)
    counter(5_000, 0)
    here.read(0.0, AT)
    here.save(0.0)
    assert meter(tmp_path).read(0.0, AT).used_bytes == 5_000


def test_it_is_written_each_hour_or_each_five_megabytes(tmp_path: Path, counter: Counter) -> None:
    here, file = meter(tmp_path), tmp_path / "lte-usage.json"
    counter(1, 0)
    here.read(1.0, AT)
    assert not file.exists()
    counter(SAVE_BYTES + 1, 0)
    here.read(2.0, AT)
    assert file.exists()
    file.unlink()
    here.read(2.0 + SAVE_S - 1, AT)
    assert not file.exists()
    here.read(2.0 + SAVE_S, AT)
    assert file.exists()


@pytest.mark.parametrize("bad", [b"", b"{", b'{"used_bytes": "many"}', b"\xff\xfe", b"[]"])
def test_a_file_that_is_none_is_said_and_counted_from_nothing(
    tmp_path: Path, counter: Counter, bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lte-usage.json").write_bytes(bad)
    counter(7, 0)
    assert meter(tmp_path).read(0.0, AT).used_bytes == 7
    assert "counted from nothing" in caplog.text


def test_a_disk_that_takes_nothing_stops_nothing(
    tmp_path: Path, counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    here = Meter(tmp_path / "none" / "lte-usage.json", ["lte0"], FailoverPolicy())
    counter(7, 0)
    here.save(0.0)
    assert here.read(1.0, AT).used_bytes == 7
    assert "cannot be written" in caplog.text


def test_a_plan_that_runs_out_slows_probing(tmp_path: Path, counter: Counter) -> None:
    here = meter(tmp_path)
    here.read(0.0, AT)
    easy = here.stretch
    counter(int(4e9), 0)
    here.read(1.0, AT)
    assert here.stretch > 2 * easy
