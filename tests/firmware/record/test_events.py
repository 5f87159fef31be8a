"""What of a changed fact is an event."""

from firmware import facts
from firmware.record.events import event, measured, merged
from firmware.wire import changed


def test_a_foreign_services_members_are_kept_as_they_are() -> None:
    known = merged("Thing", None, {"State": ("s", "on"), "Count": ("x", 1)})
    assert merged("Thing", known, {"State": ("s", "off")}) == {"State": "off", "Count": 1}


def test_a_number_with_a_unit_trembles_and_a_state_does_not() -> None:
    trembling = ("rtt_ms", "level_dbfs", "shift_level_db", "signal_dbm", "voltage_v", "health_percent", "mos")
    assert all(measured(name) for name in trembling)
    assert not any(measured(name) for name in ("state", "muted", "shift_began", "failed_version", "colour"))


def test_uplinks_tremble_and_change() -> None:
    up = facts.Uplink(name="wired", kind="ethernet", state="up", rtt_ms=12.0, loss=0.0)
    down = facts.Uplink(name="wired", kind="ethernet", state="down", rtt_ms=None, loss=1.0)
    slow = facts.Uplink(name="wired", kind="ethernet", state="up", rtt_ms=99.0, loss=0.1)
    first = merged("Uplinks", None, changed(facts.Uplinks(), facts.Uplinks(uplinks=(up,))))
    for other, expected in ((slow, False), (down, True)):
        values = changed(facts.Uplinks(uplinks=(up,)), facts.Uplinks(uplinks=(other,)))
        assert bool(event(first, merged("Uplinks", first, values))) is expected
