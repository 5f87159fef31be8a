"""Files as events: each whole file is named, in whatever way it came, and nothing that came before is missed."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Thread

import pytest

from firmware import kept
from firmware.watch import names

BOUND_S = 15.0


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[AsyncIterator[str]]:
    """The names of `tmp_path`, once the watch stands."""
    made = names(tmp_path)
    assert await asyncio.wait_for(anext(made), BOUND_S) == ""
    yield made
    await made.aclose()  # type: ignore[attr-defined]


async def until(seen: AsyncIterator[str], name: str) -> list[str]:
    """Every name up to `name`."""
    found: list[str] = []
    while not found or found[-1] != name:
        found.append(await asyncio.wait_for(anext(seen), BOUND_S))
    return found


async def test_the_first_name_says_look_at_the_whole_folder(tmp_path: Path) -> None:
    (tmp_path / "before").write_text("x")
    first = names(tmp_path)
    assert await asyncio.wait_for(anext(first), BOUND_S) == ""
    await first.aclose()  # type: ignore[attr-defined]


async def test_a_file_is_named_when_it_is_written_to_its_end(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    with (tmp_path / "A1.alert").open("w") as out:
        out.write("half")
        out.flush()
        (tmp_path / "other").write_text("x")
        assert await until(seen, "other") == ["other"]
    assert await until(seen, "A1.alert") == ["A1.alert"]


async def test_a_file_that_is_renamed_is_named_as_it_is_now(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    (tmp_path / ".A1.alert.new").write_text("x")
    (tmp_path / ".A1.alert.new").rename(tmp_path / "A1.alert")
    assert (await until(seen, "A1.alert"))[-1] == "A1.alert"


async def test_a_file_that_goes_is_named(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    (tmp_path / "came").write_text("x")
    await until(seen, "came")
    (tmp_path / "came").unlink()
    await until(seen, "came")


async def test_reading_is_no_event(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    (tmp_path / "a").write_text("x")
    await until(seen, "a")
    (tmp_path / "a").read_text()
    (tmp_path / "end").write_text("x")
    assert await until(seen, "end") == ["end"]


async def test_none_of_many_is_missed(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    def write() -> None:
        for number in range(1000):
            (tmp_path / f"{number:04}").write_text("x")

    writer = Thread(target=write)
    writer.start()
    found = await until(seen, "0999")
    writer.join()
    assert found == [f"{number:04}" for number in range(1000)]


async def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await anext(names(tmp_path / "nowhere"))


async def test_a_file_moved_out_holds_nothing_up(tmp_path: Path, seen: AsyncIterator[str]) -> None:
    """A rename to elsewhere would, for half a second; of five tries a slow machine spoils some, not all."""
    (tmp_path / "elsewhere").mkdir()
    took_s = []
    for number in range(5):
        (tmp_path / f"goes-{number}").write_text("x")
        await until(seen, f"goes-{number}")
        began = time.monotonic()
        kept.move_out(tmp_path / f"goes-{number}", tmp_path / "elsewhere")
        (tmp_path / f"comes-{number}").write_text("x")
        await until(seen, f"comes-{number}")
        took_s.append(time.monotonic() - began)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 5
    assert min(took_s) < 0.25
