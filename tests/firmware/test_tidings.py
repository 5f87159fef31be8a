"""What goes to the hub at once, and what waits."""

import msgspec
import pytest

from firmware import facts
from firmware.config import StatusPolicy
from firmware.tidings import important, wait_s
from tests.firmware.test_verdict import GOOD

POLICY = StatusPolicy()
ON_LTE = (msgspec.structs.replace(GOOD.uplinks[1], active=True),)


def changed(**fields: object) -> facts.Status:
    return msgspec.structs.replace(GOOD, **fields)


@pytest.mark.parametrize(
    "now",
    [
        changed(panel=facts.Panel(panic="raised")),
        changed(headset=facts.Headset(present=True, mute_state="muted")),
        changed(call=facts.Call(state="ringing", registered=True)),
        changed(power=facts.Power(source="battery", state="on-battery")),
        changed(uplinks=ON_LTE),
        changed(readiness=facts.Readiness(safe=False, colour="red")),
        changed(hub=facts.Hub(connected=True, pending_alerts=1, spool_full=False)),
    ],
)
def test_what_matters_goes_at_once(now: facts.Status) -> None:
    assert wait_s(GOOD, now, POLICY) == POLICY.settle_ms / 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"at": "2026-11-22T10:00:01.000Z"},
        {"uplinks": tuple(msgspec.structs.replace(each, rtt_ms=3.5, jitter_ms=1.0) for each in GOOD.uplinks)},
        {"headset": facts.Headset(present=True, mute_state="live", level_dbfs=-20.0)},
        {"clock": facts.Clock(error_ms=20.0)},
        {"modem": facts.Modem(signal_dbm=-80)},
    ],
)
def test_what_changes_all_the_time_waits(fields: dict[str, object]) -> None:
    assert important(changed(**fields)) == important(GOOD)
    assert wait_s(GOOD, changed(**fields), POLICY) == POLICY.detail_s


def test_on_lte_details_wait_for_the_regular_status() -> None:
    before = changed(uplinks=ON_LTE)
    assert wait_s(before, changed(uplinks=ON_LTE, clock=facts.Clock(error_ms=3.0)), POLICY) == POLICY.interval_s


def test_where_the_plan_runs_out_the_regular_status_is_rarer_and_what_matters_is_not() -> None:
    frugal = changed(uplinks=ON_LTE, lte=facts.Lte(frugal=True))
    later = msgspec.structs.replace(frugal, clock=facts.Clock(error_ms=3.0))
    assert wait_s(frugal, later, POLICY) == 4 * POLICY.interval_s
    in_call = msgspec.structs.replace(frugal, call=facts.Call(state="active", registered=True))
    assert wait_s(frugal, in_call, POLICY) == POLICY.settle_ms / 1000
    on_wired = msgspec.structs.replace(later, uplinks=GOOD.uplinks)
    assert wait_s(msgspec.structs.replace(frugal, uplinks=GOOD.uplinks), on_wired, POLICY) == POLICY.detail_s


def test_the_first_document_goes_at_once() -> None:
    assert wait_s(None, GOOD, POLICY) == POLICY.settle_ms / 1000
