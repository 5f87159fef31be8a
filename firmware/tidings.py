"""What of a status document a supervisor must hear at once, and what can wait: pure.

Levels, round trips and the like change every second. On a wired uplink they go out every `detail_s`, on LTE only with
the regular status, so that an idle unit does not eat the plan (`firmware.failover.budget`); where the plan runs out
even that comes less often. Calls, panics and whatever else is important never wait.
"""

import msgspec

from firmware.config import StatusPolicy
from firmware.facts import Call, Clock, Headset, Lte, Modem, Status

FRUGAL = 4  # times the regular interval, where the plan runs out


def important(status: Status) -> Status:
    """The document without what changes all the time: two that are equal here tell a supervisor nothing new."""
    headset, call, power = status.headset, status.call, status.power
    return msgspec.structs.replace(
        status,
        at="",
        headset=Headset(present=headset.present, name=headset.name, muted=headset.muted, mute_state=headset.mute_state),
        call=Call(state=call.state, registered=call.registered, held=call.held, softphone=call.softphone),
        uplinks=tuple(
            msgspec.structs.replace(each, rtt_ms=None, jitter_ms=None, loss=None, reason="") for each in status.uplinks
        ),
        lte=Lte(frugal=status.lte.frugal),
        modem=Modem(registered=status.modem.registered, operator=status.modem.operator),
        power=type(power)(source=power.source, state=power.state),
        clock=Clock(),
    )


def on_lte(status: Status) -> bool:
    return any(each.active and each.kind == "lte" for each in status.uplinks)


def wait_s(before: Status | None, now: Status | None, policy: StatusPolicy) -> float:
    """How long the document `now` may wait after `before` was sent."""
    if before is None or now is None or important(before) != important(now):
        return policy.settle_ms / 1000
    if not on_lte(now):
        return policy.detail_s
    return policy.interval_s * FRUGAL if now.lte.frugal else policy.interval_s
