"""The NUT driver against the real `upsd` and its own `dummy-ups`."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.nut import Nut, NutError, reading, variables

DRIVER, UPSD = Path("/usr/lib/nut/dummy-ups"), Path("/usr/lib/nut/upsd")  # /usr/sbin has Debian's wrapper
UPS = "[office]\n  driver = dummy-ups\n  port = office.dev\n  mode = dummy-once\n"
USERS = "[admin]\n  password = secret\n  actions = SET FSD\n  instcmds = ALL\n"
STATUS = "ups.status: {}\nbattery.charge: 87\nbattery.voltage: 13.1\n"


class Server:
    """upsd and the driver; `say` changes what the UPS says."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder)}
        (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nMAXAGE 15\n")
        (folder / "ups.conf").write_text(UPS)
        (folder / "upsd.users").write_text(USERS)
        self.say("OL")
        for file in ("upsd.conf", "ups.conf", "upsd.users"):
            (folder / file).chmod(0o600)
        self.driver = self._run(str(DRIVER), "-a", "office", "-u", "root", "-D")
        self.upsd = self._run(str(UPSD), "-u", "root", "-D")

    def say(self, status: str) -> None:
        (self.folder / "office.dev").write_text(STATUS.format(status))

    def _run(self, *argv: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        argv = ("unshare", "--user", *argv)  # NUT gives up root with initgroups, which a user namespace refuses
        return subprocess.Popen(argv, env=self.environment, stdout=quiet, stderr=quiet, cwd=self.folder)

    def stop(self) -> None:
        for process in (self.upsd, self.driver):
            process.terminate()
            process.wait(10)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if not DRIVER.exists() or not UPSD.exists():
        pytest.skip("nut-server is not here; run inside bench/machine/enter with packages-test.txt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(tmp_path, port)
    yield server
    server.stop()


def until(nut: Nut, mains: bool | None, bound_s: float = 15.0) -> None:
    """Returns when the UPS says so."""
    ends, last = time.monotonic() + bound_s, ""
    while time.monotonic() < ends:
        try:
            said = nut.read(0.0)
        except NutError as error:
            last = str(error)
        else:
            if said.mains is mains and said.percent == 87.0:
                return
            last = str(said)
        time.sleep(0.1)
    raise AssertionError(f"mains is not {mains} after {bound_s} s: {last}")


async def test_what_the_ups_says_and_that_it_changed(server: Server) -> None:
    nut = Nut("127.0.0.1", server.port, "office")
    await asyncio.to_thread(until, nut, True)
    server.say("OB LB")
    await asyncio.to_thread(until, nut, False)
    said = nut.read(0.0)
    assert (said.low, said.voltage_v, said.source) == (True, 13.1, "nut")
    nut.close()


async def test_upsd_away_and_back(server: Server) -> None:
    nut = Nut("127.0.0.1", server.port, "office")
    await asyncio.to_thread(until, nut, True)
    server.upsd.kill()
    server.upsd.wait()
    with pytest.raises(NutError, match="is nut-server up"):
        nut.read(0.0)
    server.upsd = server._run(str(UPSD), "-u", "root", "-D")
    await asyncio.to_thread(until, nut, True)
    nut.close()


async def test_an_unknown_ups_and_a_refused_test_are_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    nut = Nut("127.0.0.1", server.port, "office", "admin", str(tmp_path / "password"))
    await asyncio.to_thread(until, nut, True)
    with pytest.raises(NutError, match="CMD-NOT-SUPPORTED"):
        nut.test(True)
    with pytest.raises(NutError, match="UNKNOWN-UPS"):
        Nut("127.0.0.1", server.port, "elsewhere").read(0.0)
    nut.close()


def test_nobody_listens() -> None:
    with pytest.raises(NutError, match="is nut-server up"):
        Nut("127.0.0.1", 9, "office").read(0.0)


@pytest.mark.parametrize(
    ("status", "mains", "low", "testing"),
    [
        ("OL", True, False, False),
        ("OB DISCHRG LB", False, True, False),
        ("OL CAL", True, False, True),
        ("", None, False, False),
    ],
)
def test_status_words(status: str, mains: bool | None, low: bool, testing: bool) -> None:
    said = reading({"ups.status": status, "battery.charge": "99.5", "battery.current": "-1.5"})
    assert (said.mains, said.low, said.testing, said.percent) == (mains, low, testing, 99.5)


@given(st.text(max_size=200))
def test_any_answer_is_read_or_refused(text: str) -> None:
    try:
        reading(variables(text, "office"))
    except NutError as error:
        assert "office" in str(error)
