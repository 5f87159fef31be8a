"""The self test: what was found of each part, in words. Pure; `firmware.selftests.parts` asks the parts.

A part has `passed`, `warning` (works, and a person should know), `failed`, or is `unavailable`: not fitted, or not to
be tested now. What is not known has failed: nobody can say that it works. The whole has passed when nothing failed.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from firmware.checks import ALL
from firmware.checks.reason import Reason
from firmware.facts import Fact, Headset, Modem, Panel, Power, SelfTest, Status, Storage

Outcome = Literal["passed", "warning", "failed", "unavailable"]
Scope = Literal["all", "audio", "power"]
LEVEL: dict[str, Outcome] = {"warning": "warning", "unknown": "failed", "unsafe": "failed"}
SLOW_SPOOL_MS = 250.0  # a press that takes longer than this to be on disk is felt as a lamp that hesitates
FINE = {
    "panel": "Every contact of the button panel is wired as it should be.",
    "hub": "The centre hears this unit.",
    "uplink": "A network line works.",
    "headset": "The headset is plugged in and heard.",
    "microphone": "The microphone is as MUTE says.",
    "power": "There is mains power.",
    "call": "The telephone is registered at the centre.",
    "voice": "Nothing is wrong with the voice of a call.",
    "disk": "There is room for the next panics, and somebody carries them.",
    "second_uplink": "A second network line stands by.",
    "sim": "The SIM is this unit's own, or none was named.",
    "battery_age": "No battery test has found the battery worn.",
    "clock": "The clock is right.",
    "configuration": "The settings are whole.",
    "remote_help": "Nobody is in this unit from afar.",
    "update": "No update is half done or has failed.",
}


class Part(Fact, frozen=True):
    """One part: what was found, in the dispatcher's words, and the figure behind it where there is one."""

    part: str
    outcome: Outcome
    words: str
    took_ms: float | None = None


class Report(Fact, frozen=True):
    """A whole self test. `passed` is false as soon as one part failed; `reasons` are the words of those that did."""

    unit: str
    at: str
    scope: Scope
    passed: bool
    reasons: tuple[str, ...]
    took_s: float
    parts: tuple[Part, ...]


def report(unit: str, at: str, scope: Scope, took_s: float, parts: Sequence[Part]) -> Report:
    """Nothing tested is nothing passed."""
    reasons = tuple(each.words for each in parts if each.outcome == "failed")
    tested = any(each.outcome != "unavailable" for each in parts)
    reasons = reasons if tested or reasons else ("Nothing could be tested.",)
    return Report(
        unit=unit,
        at=at,
        scope=scope,
        passed=not reasons,
        reasons=reasons,
        took_s=round(took_s, 2),
        parts=tuple(parts),
    )


def summary(of: Report) -> SelfTest:
    """What the status document tells of it."""
    return SelfTest(at=of.at, passed=of.passed, reasons=of.reasons)


def lost(unit: str, at: str, scope: Scope, why: str) -> Report:
    """A self test that did not come to its end."""
    return report(unit, at, scope, 0.0, (Part(part="self test", outcome="failed", words=why),))


def checks(status: Status) -> tuple[Part, ...]:
    """Every check of the verdict, on the status as it is now."""
    names = (check.__module__.rpartition(".")[2] for check in ALL)
    return tuple(_checked(name, check(status)) for name, check in zip(names, ALL, strict=True))


def _checked(name: str, reason: Reason | None) -> Part:
    if reason is None:
        return Part(part=name, outcome="passed", words=FINE[name])
    return Part(part=name, outcome=LEVEL[reason.level], words=reason.words)


def busy(status: Status) -> str:
    """Why nothing may be done to the headset now; empty where it may."""
    if status.call.state is None:
        return "not available: nobody knows whether a call is on"
    if status.call.state != "idle":
        return "not available while a call is on"
    return "" if status.headset.present else "not available: no headset is plugged in"


def muted_in_time(headset: Headset, panel: Panel, took_ms: float | None, bound_s: float) -> tuple[Part, Part]:
    """MUTE was asked for: was silence measured, and did the panel light its lamp. `took_ms` None: not within bound."""
    if headset.mute_proven is not True or took_ms is None:
        words = f"MUTE was asked for, and silence was not measured within {bound_s:g} s."
        return (
            Part(part="mute proof", outcome="failed", words=words),
            Part(part="panel answers", outcome="unavailable", words="not available: MUTE was not proven"),
        )
    proof = Part(
        part="mute proof", outcome="passed", words=f"MUTE is proven: silence after {took_ms:.0f} ms.", took_ms=took_ms
    )
    return proof, lamp(panel)


def lamp(panel: Panel) -> Part:
    """The panel's answer to a proven mute: its lamp is lit, and it reads its contacts."""
    if panel.lamps.mute != "on":
        return Part(part="panel answers", outcome="failed", words="The panel did not light the MUTE lamp.")
    return Part(part="panel answers", outcome="passed", words="The panel lit the MUTE lamp when silence was proven.")


def uplink(name: str, round_trips_ms: Sequence[float], sent: int, error: str = "") -> Part:
    """`sent` probes to the hub through this uplink alone, and the answers; an `error` says why none could be sent."""
    part = f"uplink {name}"
    if error:
        return Part(part=part, outcome="failed", words=f"The network line {name} cannot be probed: {error}.")
    if not round_trips_ms:
        return Part(part=part, outcome="failed", words=f"The network line {name} does not reach the centre.")
    middle = sorted(round_trips_ms)[len(round_trips_ms) // 2]
    words = f"The network line {name} reaches the centre: {len(round_trips_ms)} of {sent} answers, {middle:.0f} ms."
    whole = len(round_trips_ms) == sent
    return Part(part=part, outcome="passed" if whole else "warning", words=words, took_ms=round(middle, 1))


def hub(round_trip_ms: float | None, error: str = "") -> Part:
    if round_trip_ms is None:
        return Part(part="hub round trip", outcome="failed", words=f"The centre did not answer ({error}).")
    words = f"The centre answered after {round_trip_ms:.0f} ms."
    return Part(part="hub round trip", outcome="passed", words=words, took_ms=round(round_trip_ms, 1))


def modem(configured: bool, modem: Modem) -> Part:
    """A modem that is fitted must answer and be registered; `reason` is the modem service's."""
    if not configured:
        return Part(part="modem", outcome="unavailable", words="not available: no modem is configured")
    if modem.registered is None:
        return Part(part="modem", outcome="failed", words=f"The modem does not answer ({modem.reason or 'silent'}).")
    if not modem.registered:
        why = modem.reason or f"SIM {modem.sim or 'unknown'}"
        return Part(part="modem", outcome="failed", words=f"The modem is not registered in a mobile network ({why}).")
    signal = "unknown" if modem.signal_dbm is None else f"{modem.signal_dbm} dBm"
    return Part(part="modem", outcome="passed", words=f"The modem is registered at {modem.operator}, signal {signal}.")


def spool(took_ms: float | None, error: str = "") -> Part:
    if took_ms is None:
        return Part(part="spool", outcome="failed", words=f"A press cannot be kept ({error}). Call your technician.")
    slow = took_ms > SLOW_SPOOL_MS
    words = f"A press is on disk after {took_ms:.1f} ms" + (", which is slow." if slow else ".")
    return Part(part="spool", outcome="warning" if slow else "passed", words=words, took_ms=round(took_ms, 2))


def storage(found: Storage) -> Part:
    """Who takes the card away should find nothing on it to read; where they would, the report says so."""
    if found.encrypted is None:
        return Part(part="data at rest", outcome="unavailable", words="not available: not started from a card of ours")
    if found.lost:
        words = "What this unit kept was beyond repair, and is lost. Provision it again."
        return Part(part="data at rest", outcome="failed", words=words)
    if found.encrypted:
        return Part(
            part="data at rest", outcome="passed", words="What this unit keeps is encrypted, and bound to its board."
        )
    words = f"What this unit keeps is not encrypted: {found.reason}. Whoever has the card can read it."
    return Part(part="data at rest", outcome="warning", words=words)


def power_sources(configured: Sequence[str], power: Power) -> Part:
    """Which source is believed, and what the others say against it."""
    if not power.believed:
        words = f"No power source answers ({', '.join(configured) or 'none is configured'})."
        return Part(part="power sources", outcome="failed", words=words)
    words = f"{power.believed} is believed ({power.why})."
    if power.faults:
        words = f"{words} But: {'; '.join(power.faults)}."
    return Part(part="power sources", outcome="warning" if power.faults else "passed", words=words)


def battery(power: Power) -> Part:
    """What the last battery test found."""
    if power.test == "running":
        return Part(part="battery", outcome="warning", words="A battery test is running.")
    if not power.tested_at or power.tested_minutes is None:
        ended = f" (the last one ended: {power.test_ended})" if power.test_ended else ""
        words = f"not available: this battery has not been tested{ended}; run: hdu selftest power"
        return Part(part="battery", outcome="unavailable", words=words)
    health = "unknown" if power.health_percent is None else f"{power.health_percent:.0f} % of new"
    words = f"The battery lasts {power.tested_minutes:.0f} minutes ({health}, tested {power.tested_at[:10]})."
    if power.replace:
        return Part(part="battery", outcome="failed", words=f"{words} Replace it.")
    return Part(part="battery", outcome="passed", words=words)


def clock(error_ms: float | None, error: str = "") -> Part:
    """The kernel's clock discipline, read now."""
    if error:
        return Part(part="clock discipline", outcome="failed", words=f"The clock cannot be read ({error}).")
    if error_ms is None:
        words = "Nothing sets the clock: its distance from UTC is not known."
        return Part(part="clock discipline", outcome="warning", words=words)
    return Part(part="clock discipline", outcome="passed", words=f"The clock is within {error_ms:.0f} ms of UTC.")


class Soundcheck(msgspec.Struct, frozen=True):
    """The answer of the headset service's method SelfTest."""

    fit: bool
    findings: tuple[str, ...]


def sound(found: Soundcheck, asked: bool) -> Part:
    """A sweep heard back. In a whole test the earpiece is seldom held to the microphone, so there it only warns."""
    outcome: Outcome = "passed" if found.fit else "failed" if asked else "warning"
    words = "; ".join(found.findings)
    words = words[:1].upper() + words[1:]
    if not found.fit and not asked:
        words = f"{words}. To be sure, run: hdu selftest audio"
    return Part(part="headset sound", outcome=outcome, words=words.rstrip(".") + ".")
