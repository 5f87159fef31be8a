"""The status document: every section from whoever knows it, and what nobody knows is unknown."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware import bus, facts
from firmware.status import SECTIONS, document
from tests.firmware.conftest import Followed
from tests.firmware.hanging import saying
from tests.firmware.service_scene import eventually, running

ITS_OWN = ("unit", "version", "slot", "at", "configuration_faults", "storage")
AT = "2026-11-22T10:00:00.123Z"


def test_with_nobody_there_all_is_unknown() -> None:
    status = document("hdu-0001", {}, AT)
    assert (status.unit, status.at) == ("hdu-0001", AT)
    assert (status.readiness.safe, status.panel.mute, status.headset.present, status.call.state) == (None,) * 4
    assert (status.hub, status.uplinks, status.power.source) == (facts.Hub(), (), "unknown")


def test_every_section_of_the_document_has_somebody_who_knows_it() -> None:
    known = {name: kind() for name, (kind, _) in SECTIONS.items()}
    sections = {field.name for field in msgspec.structs.fields(facts.Status)} - set(ITS_OWN)
    uplink = facts.Uplink(name="wired", kind="ethernet")
    changed = {
        "Readiness": facts.Readiness(safe=True),
        "Panel": facts.Panel(panic="raised"),
        "Headset": facts.Headset(present=True),
        "Calls": facts.Call(state="idle"),
        "Uplinks": facts.Uplinks(uplinks=(uplink,), outage_ms=41.0, lte_used_mb=2.0),
        "Modem": facts.Modem(registered=True),
        "Power": facts.Power(source="mains"),
        "HubLink": facts.Hub(connected=True),
        "Alerts": facts.Alerts(pending_alerts=2),
        "Updates": facts.Update(state="busy"),
        "Clock": facts.Clock(error_ms=1.0),
        "SelfTest": facts.SelfTest(running="all"),
        "RemoteHelp": facts.RemoteHelp(state="open"),
        "Shift": facts.Shift(on=True),
        "Acceptance": facts.Acceptance(state="running"),
    }
    before = document("hdu-0001", known, AT)
    after = {name: document("hdu-0001", {**known, name: fact}, AT) for name, fact in changed.items()}
    moved = {
        name: {section for section in sections if getattr(status, section) != getattr(before, section)}
        for name, status in after.items()
    }
    assert set().union(*moved.values()) == sections
    assert moved.pop("Uplinks") == {"uplinks", "outage_ms", "lte"}
    assert all(len(each) == 1 for each in moved.values())


def test_link_and_alerts_share_a_section_and_neither_wipes_the_other() -> None:
    link, alerts = facts.Hub(connected=True), facts.Alerts(pending_alerts=2, open_alerts=3, spool_full=False)
    both = facts.Hub(connected=True, pending_alerts=2, spool_full=False)
    assert document("u", {"HubLink": link, "Alerts": alerts}, AT).hub == both
    assert document("u", {"Alerts": alerts, "HubLink": link}, AT).hub == both


async def test_a_fact_shows_in_the_document_and_goes_with_its_service(
    tmp_path: Path, follow: Callable[[str, type], Followed]
) -> None:
    (tmp_path / "unit.toml").write_text(f'name = "hdu-0042"\n[folders]\ndata = "{tmp_path}/data"\n')
    async with running(tmp_path, "firmware.status") as it:
        told = follow("Status", facts.Document)

        def now() -> facts.Status:
            return msgspec.json.decode(told.now.document, type=facts.Status)

        await eventually(lambda: told.now and told.now.document, "a document")
        assert (now().unit, now().power.percent) == ("hdu-0042", None)
        other = bus.connect()
        power = bus.Export(other, "Power", facts.Power(source="battery", percent=41.0))
        await power.own()
        await eventually(lambda: now().power.percent == 41.0, "41 %")
        power.set(facts.Power(source="battery", percent=40.0))
        await eventually(lambda: now().power.percent == 40.0, "40 %")
        other.close()
        await eventually(lambda: now().power == facts.Power(), "with its service the fact is gone")
        assert it.alive()


async def test_what_a_service_that_hangs_said_is_unknown_within_two_seconds(
    tmp_path: Path, follow: Callable[[str, type], Followed]
) -> None:
    (tmp_path / "unit.toml").write_text(f'[folders]\ndata = "{tmp_path}/data"\n')
    async with running(tmp_path, "firmware.status"), saying(tmp_path, "Power", 'Power(source="mains")') as power:
        told = follow("Status", facts.Document)

        def source() -> str:
            return msgspec.json.decode(told.now.document, type=facts.Status).power.source

        await eventually(lambda: told.now and told.now.document and source() == "mains", "mains")
        began = time.monotonic()
        power.signal(signal.SIGSTOP)
        await eventually(lambda: source() == "unknown", "unknown")
        assert time.monotonic() - began < 2
        power.signal(signal.SIGCONT)
        await eventually(lambda: source() == "mains", "mains again")
