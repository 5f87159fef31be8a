"""The whole brain, pure: what happened on one uplink in, moves out; health and policy put together.

The shell around it (`firmware.uplinks`) owns sockets, timers and NetworkManager; a simulation owns none of them, and
drives the very same code.
"""

from msgspec import Struct
from msgspec.structs import replace

from firmware.config import FailoverPolicy
from firmware.failover import health as strikes
from firmware.failover import policy
from firmware.failover.health import Fact, Health, Paced, Wanted
from firmware.failover.pace import pace, part
from firmware.failover.policy import CONTENT, REACHES, Facts, Move, Uplink, grade

DOUBT_MISSES = 2  # one lost packet is no reason to spend LTE; a second one in a row is


class Steering(Struct, frozen=True):
    """All that is known and decided. `stretch` slows LTE probing down (see `firmware.failover.budget`)."""

    settings: FailoverPolicy
    state: policy.State
    facts: Facts
    stretch: float = 1.0

    def health(self, name: str) -> Health:
        for each in self.facts.uplinks:
            if each.name == name:
                return each.health
        raise KeyError(name)


def begin(settings: FailoverPolicy, uplinks: tuple[Uplink, ...], active: str | None, now: float) -> Steering:
    """At the start; `active` is who carries the unit already, where the service was only restarted."""
    return _paced(Steering(settings, policy.State(now, active), Facts(uplinks)), now)


def adopted(steering: Steering, active: str, now: float) -> Steering:
    """With `active` as who carries the unit already."""
    return _paced(replace(steering, state=replace(steering.state, active=active)), now)


def happened(steering: Steering, name: str, fact: Fact, now: float) -> tuple[Steering, tuple[Move, ...]]:
    """After `fact` on the uplink `name`."""
    before = steering.health(name)
    after = strikes.happened(before, fact, now)
    steering = replace(steering, facts=_with(steering.facts, name, after))
    return _decided(steering, now) if _matters(steering, name, before, after) else (steering, ())


def told(
    steering: Steering, in_call: bool | None, panic: bool | None, stretch: float, now: float
) -> tuple[Steering, tuple[Move, ...]]:
    """After news of calls, panics or the LTE plan; also each second, since holds run out by themselves."""
    facts = replace(steering.facts, in_call=in_call, panic=panic)
    return _decided(replace(steering, facts=facts, stretch=stretch), now)


def hub_is_silent(steering: Steering, now: float) -> bool | None:
    """The hub answers on no uplink, yet others do: the hub is what is broken. None before anything is known."""
    grades = {grade(each.health, now) for each in steering.facts.uplinks}
    return None if grades <= {"unknown", "cut"} else not grades & REACHES and "hub-silent" in grades


def urgent(steering: Steering, now: float) -> bool:
    """A call is on, or the active uplink is in doubt: the others are then asked more often."""
    active = next((each for each in steering.facts.uplinks if each.name == steering.state.active), None)
    if steering.facts.in_call or active is None:
        return True
    of = grade(active.health, now)
    return active.health.misses >= DOUBT_MISSES if of in CONTENT else True


def _with(facts: Facts, name: str, health: Health) -> Facts:
    uplinks = [replace(each, health=health) if each.name == name else each for each in facts.uplinks]
    return Facts(tuple(uplinks), facts.in_call, facts.panic)


def _matters(steering: Steering, name: str, before: Health, after: Health) -> bool:
    """Whether a decision could be another one now: most probes change nothing."""
    if before.state != after.state or before.poor != after.poor or before.carrier != after.carrier:
        return True
    if before.misses != after.misses or before.other_at != after.other_at:
        return True
    return before.proof_at != after.proof_at and not _content(steering, name)


def _content(steering: Steering, name: str) -> bool:
    """The active uplink is well, so that proof of another one changes nothing."""
    if steering.state.active is None:
        return False
    return name == steering.state.active or steering.health(steering.state.active).state == "up"


def _decided(steering: Steering, now: float) -> tuple[Steering, tuple[Move, ...]]:
    state, moves = policy.decide(steering.settings, steering.state, steering.facts, now)
    return _paced(replace(steering, state=state), now), moves


def _paced(steering: Steering, now: float) -> Steering:
    """Each uplink gets the pace of its part, and is asked at once where the active one is in trouble."""
    hurry = urgent(steering, now)
    since = _trouble(steering) if hurry else None
    uplinks = tuple(_wanted(_repaced(steering, each, hurry, now), since, now) for each in steering.facts.uplinks)
    return replace(steering, facts=replace(steering.facts, uplinks=uplinks))


def _trouble(steering: Steering) -> float | None:
    """Since when the active uplink is in trouble."""
    return steering.health(steering.state.active).trouble_at if steering.state.active else None


def _wanted(uplink: Uplink, since: float | None, now: float) -> Uplink:
    """The uplink, due at once where it was not asked since the trouble began."""
    if since is None or uplink.health.sent_at >= since:
        return uplink
    return replace(uplink, health=strikes.step(uplink.health, Wanted(), now)[0])


def _repaced(steering: Steering, uplink: Uplink, hurry: bool, now: float) -> Uplink:
    of = part(uplink.name == steering.state.active, hurry)
    wanted = pace(steering.settings, uplink.kind, of, steering.stretch)
    if wanted == uplink.health.pace:
        return uplink
    return replace(uplink, health=strikes.step(uplink.health, Paced(wanted), now)[0])
