"""What systemd sees of a service: readiness, signs of life, and an end that is one, whatever hangs."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from firmware import service
from tests.firmware.service_scene import Service, eventually, running

HANGS = "import threading; await asyncio.sleep(0); unit.group.create_task(asyncio.to_thread(threading.Event().wait))"


def script(folder: Path, *lines: str, on_bus: bool = False) -> str:
    """A service whose body is `lines`."""
    file = folder / "made.py"
    body = "\n".join(f"    {line}" for line in lines)
    words = f"import asyncio\nfrom firmware.service import run\nasync def body(unit):\n{body}\n"
    file.write_text(f"{words}run(body, on_bus={on_bus})\n")
    return str(file)


async def test_it_says_ready_then_gives_signs_of_life_then_says_that_it_stops(tmp_path: Path) -> None:
    async with running(tmp_path, script(tmp_path, "unit.ready()"), WATCHDOG_USEC="100000") as it:
        await eventually(lambda: it.told.count("WATCHDOG=1") >= 3, "three signs of life")
        it.signal(signal.SIGTERM)
        assert await it.ended() == 0
        await eventually(lambda: it.told[-1] == "STOPPING=1", "it said that it stops")
        assert it.told.count("READY=1") == 1


async def test_it_is_not_ready_before_it_says_so(tmp_path: Path) -> None:
    it = Service(tmp_path, script(tmp_path, "pass"), WATCHDOG_USEC="100000")
    await it.spawn()
    await eventually(lambda: it.told.count("WATCHDOG=1") >= 2, "signs of life")
    assert "READY=1" not in it.told
    await it.close()


async def test_a_loop_that_does_not_turn_gives_no_sign_of_life(tmp_path: Path) -> None:
    blocked = "unit.ready(); await asyncio.sleep(0.1); import time; time.sleep(1000)"
    async with running(tmp_path, script(tmp_path, blocked), WATCHDOG_USEC="100000") as it:
        count = len(it.told)
        await asyncio.sleep(1.0)  # ten of the times systemd allows
        assert len(it.told) <= count + 3


async def test_the_first_task_that_fails_ends_it_with_1_and_says_where(tmp_path: Path) -> None:
    lines = (
        "unit.ready()",
        "async def fails(): raise OSError('no such port')",
        "unit.group.create_task(asyncio.Event().wait())",
        "unit.group.create_task(fails())",
    )
    async with running(tmp_path, script(tmp_path, *lines)) as it:
        assert await it.ended() == 1
        (line,) = [line for line in it.words().splitlines() if "failed" in line]
        assert "OSError: no such port" in line and "made.py:5" in line
        assert "STOPPING=1" not in it.told


async def test_a_body_that_fails_ends_it_with_1(tmp_path: Path) -> None:
    it = Service(tmp_path, script(tmp_path, "raise ValueError('nothing here')"))
    await it.spawn()
    assert await it.ended() == 1
    assert "ValueError: nothing here" in it.words()
    await it.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_it_ends_although_a_thread_hangs(tmp_path: Path, number: int) -> None:
    async with running(tmp_path, script(tmp_path, HANGS, "unit.ready()")) as it:
        it.signal(number)
        assert await it.ended() == 0
        assert "stopped" in it.words()


async def test_it_fails_although_a_thread_hangs(tmp_path: Path) -> None:
    hangs_now = (HANGS, "await asyncio.sleep(0.1)", "unit.ready()")
    async with running(tmp_path, script(tmp_path, *hangs_now, "raise OSError('gone')")) as it:
        assert await it.ended() == 1
        assert "OSError: gone" in it.words()


async def test_what_was_begun_is_put_away_before_it_ends(tmp_path: Path) -> None:
    lines = (
        "unit.ready()",
        "try: await asyncio.Event().wait()",
        "finally: await asyncio.sleep(0.05); print('put away', flush=True)",
    )
    async with running(tmp_path, script(tmp_path, *lines)) as it:
        it.signal(signal.SIGTERM)
        assert await it.ended() == 0
        assert "put away" in it.words()


async def test_a_bus_that_dies_ends_it(tmp_path: Path, private_bus: str) -> None:
    del private_bus
    script(tmp_path, "unit.ready()", on_bus=True)
    async with running(tmp_path, str(tmp_path / "made.py"), WATCHDOG_USEC="200000") as it:
        os.kill(bus_daemon(tmp_path), signal.SIGKILL)
        assert await it.ended() == 1
        assert "BusError" in it.words()


async def test_a_bus_that_hangs_ends_it(tmp_path: Path, private_bus: str) -> None:
    del private_bus
    script(tmp_path, "unit.ready()", on_bus=True)
    daemon = bus_daemon(tmp_path)
    async with running(tmp_path, str(tmp_path / "made.py"), WATCHDOG_USEC="200000") as it:
        os.kill(daemon, signal.SIGSTOP)
        try:
            assert await it.ended() == 1
        finally:
            os.kill(daemon, signal.SIGCONT)
        assert "Ping failed" in it.words()


def bus_daemon(folder: Path) -> int:
    """The process of this test's own bus, by the configuration it was given."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and str(folder / "bus.conf").encode() in _command_line(entry):
            return int(entry.name)
    raise AssertionError("this test has no bus")


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


async def test_a_service_without_a_bus_is_told_so(tmp_path: Path) -> None:
    it = Service(tmp_path, script(tmp_path, "unit.bus"))
    await it.spawn()
    assert await it.ended() == 1
    assert "runs without a bus" in it.words()
    await it.close()


async def test_no_bus_at_the_start_ends_it_in_words(tmp_path: Path) -> None:
    script(tmp_path, "unit.ready()", on_bus=True)
    it = Service(tmp_path, str(tmp_path / "made.py"), DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/nowhere")
    await it.spawn()
    assert await it.ended() == 1
    assert "cannot reach the system bus" in it.words()
    await it.close()


async def test_bad_configuration_is_told_and_no_reason_to_die(tmp_path: Path) -> None:
    (tmp_path / "unit.toml").write_text(f'name = "NOT A NAME"\n[folders]\ndata = "{tmp_path}/data"\n')
    async with running(tmp_path, script(tmp_path, "unit.ready()")) as it:
        assert "configuration fault" in it.words() and "NOT A NAME" in it.words()


def test_nobody_listens_to_a_service_that_is_run_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not service.notify("READY=1")


@pytest.mark.parametrize(("usec", "tick_s"), [("", 1.0), ("0", 1.0), ("400000", 0.2), ("60000000", 1.0)])
def test_a_sign_of_life_comes_in_half_the_time_allowed(
    usec: str, tick_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    if not usec:
        monkeypatch.delenv("WATCHDOG_USEC")
    assert service.tick_s() == tick_s
