"""Whether a unit takes a release, by table and by property."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.release.policy import Situation, breaks_off, decide, disturbing, poll_delay_s, share
from firmware.release.rollout import RollOut, RollOutError, Window, parse, version_key

OUT = RollOut(id="hdu-1.1", target="bundles/x", version="1.1", percent={"all": 100}, window=Window(22, 5))
HERE = Situation(unit="hdu-1", booted="1.0", on_shift=False, in_call=False, on_mains=True, over_lte=False)
NIGHT_S, NOON_S = 23 * 3_600.0, 12 * 3_600.0


@pytest.mark.parametrize(
    ("unit", "out", "now_s", "action", "reason"),
    [
        ({}, {}, NIGHT_S, "install", "hdu-1.1 is due"),
        ({}, {}, NOON_S, "wait", "outside the window 22 to 5 UTC"),
        ({}, {"urgent": True}, NOON_S, "install", "due"),
        ({"over_lte": True}, {}, NIGHT_S, "wait", "only LTE reaches the hub"),
        ({"over_lte": None}, {}, NIGHT_S, "wait", "not known whether only LTE"),
        ({"over_lte": True}, {"urgent": True}, NIGHT_S, "install", "due"),
        ({"over_lte": True, "lte_frugal": True}, {"urgent": True}, NIGHT_S, "wait", "LTE plan"),
        ({"over_lte": False, "lte_frugal": True}, {"urgent": True}, NIGHT_S, "install", "due"),
        ({"on_shift": True}, {"urgent": True}, NIGHT_S, "wait", "on shift"),
        ({"accepting": True}, {"urgent": True}, NIGHT_S, "wait", "walked through its acceptance"),
        ({"on_shift": None}, {"urgent": True}, NIGHT_S, "wait", "not known whether on shift"),
        ({"in_call": True}, {"urgent": True}, NIGHT_S, "wait", "in a call"),
        ({"on_mains": False}, {"urgent": True}, NIGHT_S, "wait", "on battery"),
        ({"halted": frozenset({"hdu-1.1"})}, {"urgent": True}, NIGHT_S, "wait", "hdu-1.1 is stopped"),
        ({"ring": "early"}, {"urgent": True}, NIGHT_S, "wait", "has not come to this unit yet (ring early)"),
        ({"booted": "1.1"}, {}, NIGHT_S, "none", "nothing newer"),
        ({"booted": "1.10"}, {}, NIGHT_S, "none", "nothing newer"),
        ({"refused": frozenset({"1.1"})}, {"urgent": True}, NIGHT_S, "none", "nothing newer"),
        ({"site": "1.1"}, {"kind": "site", "target": "site/x"}, NIGHT_S, "none", "nothing newer"),
        ({"site": "7"}, {}, NIGHT_S, "install", "due"),
        ({"least": "1.2"}, {"urgent": True}, NIGHT_S, "none", "nothing newer"),
        ({"least": "1.1"}, {}, NIGHT_S, "install", "due"),
        ({"refused": frozenset({"1.1"})}, {"kind": "site", "target": "site/x"}, NIGHT_S, "install", "due"),
        ({"refused_sites": frozenset({"1.1"})}, {"kind": "site", "target": "site/x"}, NIGHT_S, "none", "nothing"),
    ],
)
def test_the_table(unit: dict[str, Any], out: dict[str, Any], now_s: float, action: str, reason: str) -> None:
    here, offer = msgspec.structs.replace(HERE, **unit), msgspec.structs.replace(OUT, **out)
    found = decide((offer,), here, now_s)
    assert found.action == action and reason in found.reason


@pytest.mark.parametrize(
    ("unit", "out", "reason"),
    [
        ({}, {}, ""),
        ({"over_lte": True}, {}, "only LTE reaches the hub"),
        ({"over_lte": None}, {}, ""),
        ({"over_lte": True}, {"urgent": True}, ""),
        ({"over_lte": True, "lte_frugal": True}, {"urgent": True}, "the LTE plan does not last the month"),
        ({"on_shift": True}, {"urgent": True}, "on shift"),
        ({"in_call": True}, {"urgent": True}, "in a call"),
        ({"on_mains": False}, {"urgent": True}, "on battery"),
        ({"on_shift": None, "in_call": None, "on_mains": None}, {}, ""),
        ({"on_mains": None, "in_call": True}, {}, "in a call"),
    ],
)
def test_what_breaks_off_an_install_that_has_begun(unit: dict[str, Any], out: dict[str, Any], reason: str) -> None:
    assert breaks_off(msgspec.structs.replace(OUT, **out), msgspec.structs.replace(HERE, **unit)) == reason


UNKNOWN = st.sampled_from([None, False, True])


@given(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, st.booleans())
def test_what_may_begin_is_not_broken_off_by_the_same_facts(
    shift: bool | None, call: bool | None, mains: bool | None, lte: bool | None, frugal: bool | None, urgent: bool
) -> None:
    """Else it would begin and end for ever."""
    here = msgspec.structs.replace(HERE, on_shift=shift, in_call=call, on_mains=mains, over_lte=lte, lte_frugal=frugal)
    offer = msgspec.structs.replace(OUT, urgent=urgent)
    if decide((offer,), here, NIGHT_S).action == "install":
        assert breaks_off(offer, here) == ""
    assert not breaks_off(offer, here) or disturbing(here) or lte


def test_the_newest_that_may_be_installed_is() -> None:
    waits = msgspec.structs.replace(OUT, id="hdu-1.3", version="1.3", percent={"canary": 100})
    newer = msgspec.structs.replace(OUT, id="hdu-1.2", version="1.2")
    found = decide((OUT, waits, newer), HERE, NIGHT_S)
    assert found.roll_out == newer


@given(st.text(min_size=1, max_size=20), st.floats(0, 100), st.floats(0, 100))
def test_a_percentage_only_ever_adds_units(unit: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert not share(unit, "x") < low or share(unit, "x") < high
    assert 0 <= share(unit, "x") < 100 or share(unit, "x") == pytest.approx(100)


def test_a_percentage_is_that_many_and_not_always_the_same() -> None:
    first, second = ({n for n in range(4_000) if share(f"hdu-{n:04}", out) < 25} for out in ("hdu-1.1", "hdu-1.2"))
    assert 900 < len(first) < 1_100 and 900 < len(second) < 1_100
    assert 180 < len(first & second) < 330


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1e10), st.booleans())
def test_nothing_installs_on_shift_in_a_call_on_battery_or_stopped(
    shift: bool, call: bool, mains: bool, halted: bool, now_s: float, urgent: bool
) -> None:
    here = msgspec.structs.replace(
        HERE, on_shift=shift, in_call=call, on_mains=mains, halted=frozenset({"hdu-1.1"} if halted else ())
    )
    found = decide((msgspec.structs.replace(OUT, urgent=urgent),), here, now_s)
    assert found.action == "wait" or (not shift and not call and mains and not halted)


@given(st.floats(1, 1e5), st.floats(0, 1, exclude_max=True))
def test_the_next_look_is_near_the_interval(every_s: float, chance: float) -> None:
    assert 0.75 * every_s <= poll_delay_s(every_s, chance) <= 1.25 * every_s


@pytest.mark.parametrize(("low", "high"), [("1.9", "1.10"), ("0.9", "1"), ("1.2", "1.2.1")])
def test_versions_are_ordered_by_number(low: str, high: str) -> None:
    assert version_key(low) < version_key(high)
    assert version_key("1.2.0") == version_key("1.2")


GOOD = 'id = "a"\ntarget = "bundles/a"\nversion = "1"\n'


def test_a_roll_out_reads_as_written() -> None:
    text = GOOD + "urgent = true\n[percent]\ncanary = 100\nearly = 12.5\n[window]\nfrom_hour = 22\nto_hour = 5\n"
    made = parse(text.encode(), "x")
    assert (made.urgent, made.percent, made.window) == (True, {"canary": 100, "early": 12.5}, Window(22, 5))


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "[percent]\nfriends = 5\n",
        GOOD + "[percent]\nall = 101\n",
        GOOD + "failure_limit = 2\n",
        GOOD + "other = 1\n",
        GOOD.replace("bundles/a", "../a"),
        GOOD.replace("bundles/a", "bundles/a\\n"),
        GOOD.replace("bundles/a", "site/a"),
        GOOD.replace('"1"', '"one"'),
        "id = ",
        "",
        "#" * 70_000,
    ],
)
def test_what_is_no_roll_out_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(RollOutError, match=r"^x: ") as refused:
        parse(text.encode(), "x")
    assert "\n" not in str(refused.value)
