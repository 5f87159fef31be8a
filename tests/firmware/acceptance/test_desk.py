"""An acceptance on a bus of its own: the real readiness service, and the parts that it asks played by this test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sdbus import SdBus

from firmware import bus, facts
from firmware.acceptance.desk import FILE
from firmware.acceptance.progress import Walk
from firmware.acceptance.report import sound, verify
from firmware.selftests.desk import REQUEST
from hub.authority import Authority
from tests.firmware.service_scene import BOUND_S, Service, eventually, running
from tests.firmware.test_verdict import GOOD

WELL = replace(
    GOOD, shift=facts.Shift(on=False), readiness=facts.Readiness(safe=True, colour="green"), power=facts.Power()
)
TOML = """name = "hdu-0001"
[folders]
data = "{0}/data"
run = "{0}/run"
[certificates]
authority = "{1}/ca.pem"
certificate = "{1}/unit.pem"
key = "{1}/unit.key"
"""


class Parts:
    """What the unit measures, as the test says it."""

    def __init__(self, on: SdBus, folder: Path, authority: Path) -> None:
        self.on, self.folder, self.authority = on, folder, authority
        self.known = WELL
        self.status = bus.Export(on, "Status", self.document())
        self.alerts = bus.Export(on, "Alerts", facts.Alerts(open_alerts=0, pending_alerts=0))

    def document(self) -> facts.Document:
        return facts.Document(document=msgspec.json.encode(self.known).decode())

    def say(self, **sections: Any) -> None:
        self.known = replace(self.known, **sections)
        self.status.set(self.document())

    async def begin(self, technician: str = "Sam Field", panel: str = "PNL-00317", patience_s: float = 1.0) -> str:
        return str(await bus.call(self.on, "Acceptance", "Begin", "ssd", technician, panel, patience_s))

    async def until(self, **wanted: Any) -> Walk:
        """The walk as soon as its fields are so."""
        async with asyncio.timeout(4 * BOUND_S), contextlib.aclosing(bus.follow(self.on, "Acceptance", Walk)) as found:
            async for walk in found:
                if walk is not None and all(getattr(walk, name) == value for name, value in wanted.items()):
                    return walk
        raise AssertionError

    async def report(self) -> str:
        return str(await bus.call(self.on, "Acceptance", "Report"))


@pytest.fixture
async def parts(private_bus: str, tmp_path: Path) -> AsyncIterator[Parts]:
    assert private_bus
    for name in ("data/spool", "run"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "mute").write_text("live")
    authority = Authority(tmp_path / "tls").unit("hdu-0001")
    (tmp_path / "unit.toml").write_text(TOML.format(tmp_path, authority))
    made = Parts(bus.connect(), tmp_path, authority / "ca.pem")
    for export in (made.status, made.alerts):
        await export.own()
    yield made
    made.on.close()


@pytest.fixture
async def service(parts: Parts) -> AsyncIterator[Service]:
    async with running(parts.folder, "firmware.readiness") as made:
        yield made


async def test_the_unit_walks_measures_signs_and_keeps_it_though_nobody_looks(parts: Parts, service: Service) -> None:
    began = await parts.begin()
    asked = await parts.until(step="mute")
    assert (asked.ask, asked.technician, asked.began) == ("Press MUTE once.", "Sam Field", began)
    muted = facts.Headset(present=True, mute_proven=True, mute_state="muted")
    parts.say(headset=muted, panel=facts.Panel(mute="muted", lamps=facts.Lamps(mute="on")))
    await parts.until(step="mute off")
    parts.say(headset=WELL.headset, panel=WELL.panel)
    ended = await parts.until(state="ended")
    assert ended.verdict == "not accepted" and not ended.step and not ended.ask
    text = await parts.report()
    found = verify(text.encode(), parts.authority.read_bytes())
    assert (found.unit, found.technician, sound(found)) == ("hdu-0001", "Sam Field", "not accepted")
    outcomes = {each.part: each.outcome for each in found.walked}
    assert outcomes["mute"] == outcomes["mute off"] == outcomes["microphone live"] == "passed"
    assert outcomes["panic"] == outcomes["mains out"] == "failed"
    assert (*found.alone, *found.walked) == ended.findings
    assert (parts.folder / "data" / FILE).read_text() == text
    await service.kill()
    await service.start()
    assert await parts.report() == text


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("sections", "open_alerts", "words"),
    [
        ({"call": facts.Call(state="active")}, 0, "a call is active"),
        ({"shift": facts.Shift(on=True, who="Kim")}, 0, "Kim is on shift"),
        ({}, 1, "wait for a person"),
    ],
)
async def test_it_does_not_begin_where_somebody_needs_the_unit(
    parts: Parts, sections: dict[str, Any], open_alerts: int, words: str
) -> None:
    parts.say(**sections)
    parts.alerts.set(facts.Alerts(open_alerts=open_alerts, pending_alerts=0))
    with pytest.raises(bus.BusError, match=words):
        await parts.begin()
    assert await parts.report() == ""


@pytest.mark.usefixtures("service")
async def test_one_at_a_time_no_self_test_meanwhile_and_stopped_it_leaves_no_report(parts: Parts) -> None:
    with pytest.raises(bus.BusError, match="technician's name"):
        await parts.begin(technician="")
    await parts.begin(patience_s=600.0)
    with pytest.raises(bus.BusError, match="one is running"):
        await parts.begin()
    await parts.until(step="mute")
    with pytest.raises(bus.BusError, match="an acceptance is walked"):
        await bus.call(parts.on, "SelfTest", "Run", "s", "all")
    request = parts.folder / "run" / REQUEST
    request.write_text("held together")
    await eventually(lambda: not request.exists(), "the panel's request is taken")
    await bus.call(parts.on, "Acceptance", "Stop")
    ended = await parts.until(state="ended")
    assert (ended.verdict, ended.reason) == ("", "it was stopped")
    assert await parts.report() == ""
    await parts.begin(patience_s=600.0)
    await parts.until(state="running", step="mute")


@pytest.mark.usefixtures("service")
async def test_a_call_in_the_midst_ends_it_and_the_report_says_so(parts: Parts) -> None:
    await parts.begin(patience_s=600.0)
    await parts.until(step="mute")
    parts.say(call=facts.Call(state="ringing", registered=True))
    assert (await parts.until(state="ended")).verdict == "not accepted"
    last = verify((await parts.report()).encode(), parts.authority.read_bytes()).walked[-1]
    assert (last.part, last.outcome) == ("mute", "failed") and "a call is ringing" in last.words


@pytest.mark.usefixtures("service")
async def test_a_unit_that_cannot_sign_says_so(parts: Parts) -> None:
    (parts.authority.parent / "unit.key").write_text("nothing")
    await parts.begin(patience_s=1.0)
    ended = await parts.until(state="ended")
    assert "key or certificate cannot be read" in ended.reason and not ended.verdict


@pytest.mark.usefixtures("service")
async def test_what_is_not_known_bars_it_in_words(parts: Parts) -> None:
    parts.say(call=facts.Call())
    await parts.begin()
    assert "whether a call is on" in (await parts.until(state="ended")).reason
