"""The self test asked for and carried out, on a bus of its own; the parts it asks are on that bus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from sdbus import SdBus

from firmware import bus, facts, watch
from firmware.config import Config, Folders, ModemHardware, Site, UnitFile, UplinkHardware
from firmware.selftests import report as selftest
from firmware.selftests.desk import REQUEST, Desk
from firmware.selftests.parts import Examination
from firmware.selftests.report import Part, Report, Scope
from firmware.selftests.run import run
from firmware.service import Unit
from tests.firmware.test_verdict import GOOD

BOUND_S = 20.0
KEY = "ab" * 32
TOML = 'probing_key = "{0}/key"\n[folders]\ndata = "{0}/data"\nrun = "{0}/run"\n[modem]\nport = "/dev/none"\n'


def config(folder: Path) -> Config:
    return Config(
        site=Site(),
        unit=UnitFile(
            probing_key=str(folder / "key"),
            uplinks=(UplinkHardware(name="wired", kind="ethernet", interface="hdu-none0"),),
            modem=ModemHardware(port="/dev/none"),
            folders=Folders(data=str(folder / "data"), run=str(folder / "run")),
        ),
    )


class Peers:
    """Status, headset and panel as they would be on the bus: the headset obeys the file and says so."""

    def __init__(self, on: SdBus, folder: Path) -> None:
        self.on, self.file = on, folder / "data" / "mute"
        self.status = bus.Export(on, "Status", facts.Document(document=msgspec.json.encode(GOOD).decode()))
        said = bus.Method("SelfTest", "", (), "s", self.sweep)
        self.headset = bus.Export(on, "Headset", facts.Headset(present=True, mute_state="live"), [said])
        self.panel = bus.Export(on, "Panel", facts.Panel(mute="live"))
        self.history: list[str] = []
        self.proves = True

    async def sweep(self) -> str:
        self.history.append("sweep")
        return '{"fit": true, "findings": ["the headset works: the test tone came back"]}'

    async def obey(self) -> None:
        async for name in watch.names(self.file.parent):
            if name == "mute":
                self.history.append(self.file.read_text())
                muted = self.history[-1] == "muted" and self.proves
                state: facts.MuteState = "muted" if muted else "live"
                self.headset.set(facts.Headset(present=True, mute_proven=True if muted else None, mute_state=state))
                self.panel.set(facts.Panel(lamps=facts.Lamps(mute="on" if muted else "off")))


@pytest.fixture
async def peers(private_bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Peers]:
    for part in ("data/spool", "run"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "unit.toml").write_text(TOML.format(tmp_path))
    monkeypatch.setenv("HDU_CONFIG", str(tmp_path))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private_bus)
    made = Peers(bus.connect(), tmp_path)
    for export in (made.status, made.headset, made.panel):
        await export.own()
    obey = asyncio.create_task(made.obey())
    yield made
    obey.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await obey
    made.on.close()


async def found(peers: Peers, folder: Path, scope: Scope) -> dict[str, Part]:
    async with asyncio.timeout(BOUND_S):
        return {part.part: part async for part in Examination(peers.on, config(folder)).run(scope)}


async def test_mute_is_proven_and_given_back(peers: Peers, tmp_path: Path) -> None:
    parts = await found(peers, tmp_path, "audio")
    assert {name: part.outcome for name, part in parts.items()} == {
        "mute proof": "passed",
        "panel answers": "passed",
        "headset sound": "passed",
    }
    assert peers.history == ["muted", "live", "sweep"]


async def test_a_mute_that_is_not_proven_fails_and_is_given_back(peers: Peers, tmp_path: Path) -> None:
    peers.proves = False
    parts = await found(peers, tmp_path, "audio")
    assert parts["mute proof"].outcome == "failed"
    assert peers.file.read_text() == "live"


async def test_a_microphone_that_a_person_muted_stays_muted(peers: Peers, tmp_path: Path) -> None:
    peers.file.write_text("muted")
    parts = await found(peers, tmp_path, "audio")
    assert (parts["mute proof"].outcome, parts["headset sound"].outcome) == ("passed", "unavailable")
    assert peers.file.read_text() == "muted"


async def test_a_press_of_mute_meanwhile_counts(peers: Peers, tmp_path: Path) -> None:
    peers.proves = False
    test = asyncio.create_task(found(peers, tmp_path, "audio"))
    async with asyncio.timeout(BOUND_S):
        while not peers.history:  # noqa: ASYNC110 (a file is looked at)
            await asyncio.sleep(0.01)
    new = peers.file.with_name(".pressed")
    new.write_text("muted")
    new.rename(peers.file)
    await test
    assert peers.file.read_text() == "muted"


async def test_nothing_is_done_to_the_headset_in_a_call(peers: Peers, tmp_path: Path) -> None:
    talking = msgspec.structs.replace(GOOD, call=facts.Call(state="active", registered=True))
    peers.status.set(facts.Document(document=msgspec.json.encode(talking).decode()))
    parts = await found(peers, tmp_path, "audio")
    assert {part.outcome for part in parts.values()} == {"unavailable"}
    assert peers.history == []


async def test_every_part_is_asked_and_what_is_away_has_failed(peers: Peers, tmp_path: Path) -> None:
    parts = await found(peers, tmp_path, "all")
    assert {name for name, part in parts.items() if part.outcome == "failed"} == {
        "hub round trip",
        "uplink wired",
        "modem",
        "power sources",
    }
    assert parts["spool"].outcome in ("passed", "warning")
    assert list((tmp_path / "data" / "spool").iterdir()) == []


async def test_a_spool_that_cannot_be_written_has_failed(peers: Peers, tmp_path: Path) -> None:
    (tmp_path / "data" / "spool").rmdir()
    assert (await found(peers, tmp_path, "all"))["spool"].outcome == "failed"


async def test_a_unit_without_a_status_has_failed(private_bus: str, tmp_path: Path) -> None:
    assert private_bus
    report = await run(config(tmp_path), "all", lambda _: None)
    assert not report.passed and "does not know its own state" in report.reasons[0]


@contextlib.asynccontextmanager
async def desk(peers: Peers, folder: Path) -> AsyncIterator[Desk]:
    async with asyncio.TaskGroup() as group:
        unit = Unit(config(folder), group, peers.on)
        made = Desk(unit)
        await made.export.own()
        follow = group.create_task(made.follow_panel())
        yield made
        follow.cancel()


async def finished(peers: Peers) -> facts.SelfTest:
    async with asyncio.timeout(BOUND_S):
        async for fact in bus.follow(peers.on, "SelfTest", facts.SelfTest):
            if fact and fact.at and not fact.running:
                return fact
    raise AssertionError


async def test_the_panel_asks_with_a_file_and_the_result_is_on_the_bus(peers: Peers, tmp_path: Path) -> None:
    async with desk(peers, tmp_path):
        (tmp_path / "run" / REQUEST).write_text("2026-11-22T10:00:00.000Z")
        fact = await finished(peers)
        report = msgspec.json.decode(await bus.call(peers.on, "SelfTest", "Report"), type=Report)
        assert fact == selftest.summary(report)
        assert (report.scope, fact.passed) == ("all", False)
        assert not (tmp_path / "run" / REQUEST).exists()


async def test_one_at_a_time_and_only_what_there_is(peers: Peers, tmp_path: Path) -> None:
    async with desk(peers, tmp_path):
        with pytest.raises(bus.BusError, match="not one of"):
            await bus.call(peers.on, "SelfTest", "Run", "s", "coffee")
        assert await bus.call(peers.on, "SelfTest", "Run", "s", "audio") == "audio"
        with pytest.raises(bus.BusError, match="one is running"):
            await bus.call(peers.on, "SelfTest", "Run", "s", "audio")
        assert (await finished(peers)).passed is True
