"""The verdict line by line: what was measured against what is required, and who requires it. Pure.

| outcome     | means                                                                                  |
|-------------|----------------------------------------------------------------------------------------|
| `met`       | the requirement is met                                                                 |
| `condition` | calls can be taken; somebody should know, and accept or mend it                        |
| `not met`   | not fit                                                                                |
| `not shown` | it was not measured, or not long enough; nobody can say                                |
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from firmware.config import FailoverPolicy, Site
from firmware.voice import e_model
from hdu.survey.record import Recording, Span, share, spans
from hdu.survey.sampling import Line, Sample

Outcome = Literal["met", "condition", "not met", "not shown"]
Whole = Literal["fit", "fit with conditions", "not fit", "not shown"]
AGENCY = "The agency's own bound (site.toml, [survey]): no published figure is known to us"
G114 = "ITU-T G.114 (05/2003): one-way delay, 150 ms"
G107 = "ITU-T G.107 (06/2015), Annex B: R of 80 and more, users satisfied"
Y1541 = "ITU-T Y.1541 (12/2011), Table 1, class 0: {}"
DP = "EN 50136-1:2012, Table 1: categories DP1 to DP4 need an alternative network interface"
REPORTED = "The agency's own bound (site.toml, [survey]); EN 50136-1:2012 asks for a reporting time by category"
NENA = "NENA 04-002, PSAP Master Clock Standard, Issue 4 (04/2007): within 100 ms of UTC"
DELAY_MS, JITTER_MS, LOSS, R_GOOD, R_POOR, CLOCK_MS = 150.0, 50.0, 1e-3, 80.0, 70.0, 100.0
FRAME_MS, DAY_S, RULE_OF_THREE = 20.0, 86_400.0, 3.0
CARRIED = "voice"  # as the unit carried it: over the active uplink of each moment


class Finding(Struct, frozen=True):
    """One line of the verdict. `subject` is an uplink's name or what the line is about; `note` says how to read it."""

    subject: str
    what: str
    measured: str
    required: str
    source: str
    outcome: Outcome
    note: str = ""


STAR = "* as good as this, or better, for 95 % of the time"


class Verdict(Struct, frozen=True):
    whole: Whole
    findings: tuple[Finding, ...]


def judge(recording: Recording, site: Site) -> Verdict:
    """Every line, and the whole: as good as its worst line; what was not shown comes before what is conditional."""
    lines = [*_soak(recording, site), *_uplinks(recording, site), *_hub(recording, site), *_home(recording, site)]
    return Verdict(whole({each.outcome for each in lines}), tuple(lines))


def whole(outcomes: set[Outcome]) -> Whole:
    if "not met" in outcomes:
        return "not fit"
    if "not shown" in outcomes or not outcomes:
        return "not shown"
    return "fit with conditions" if "condition" in outcomes else "fit"


def quantile(values: Iterable[float | None], part: float) -> float | None:
    """The value below which `part` of the known ones lie (nearest rank); None where none is known."""
    known = sorted(value for value in values if value is not None)
    return known[min(len(known) - 1, int(part * len(known)))] if known else None


def compared(value: float | None, good: bool, worse: Outcome = "not met") -> Outcome:
    if value is None:
        return "not shown"
    return "met" if good else worse


def said(value: float | None, unit: str, digits: int = 0) -> str:
    return "not measured" if value is None else f"{value:.{digits}f} {unit}"


def percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.2f} %"


def lasting(seconds: float) -> str:
    """`47 s`, `12 min`, `26.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"


def _soak(recording: Recording, site: Site) -> Iterable[Finding]:
    hours = site.survey.sign_off_hours
    long_enough = recording.measured_s >= 3600 * hours - 1
    yield Finding(
        "survey",
        "measured for",
        lasting(recording.measured_s),
        f"at least {hours:g} h",
        AGENCY,
        "met" if long_enough else "condition",
        "" if long_enough else "A short survey has not seen the busy hours of a whole day.",
    )


# The voice as the unit carried it decides; what an uplink by itself would do to it is a condition at worst.


def mouth_to_ear_ms(rtt_ms: float, site: Site) -> float:
    """Half the round trip, one frame, and what the unit's jitter buffer holds back."""
    return rtt_ms / 2 + FRAME_MS + site.calls.playout_ms


def r_factor(line: Line, site: Site) -> float | None:
    """R of a G.711 call with concealment over this uplink (narrow band, the strictest of our codecs' scales)."""
    if line.rtt_ms is None or line.loss is None:
        return None
    return e_model.of_call("pcmu", line.loss, mouth_to_ear_ms(line.rtt_ms, site))


def probes(lines: Sequence[tuple[float, Line]], policy: FailoverPolicy) -> float:
    """About how many probes the unit sent in this time, by its configured pace: (seconds, line) each."""
    pace = {
        ("ethernet", True): policy.wired_ms,
        ("ethernet", False): policy.wired_standby_ms,
        ("lte", True): policy.lte_active_ms,
        ("lte", False): policy.lte_ms,
    }
    return sum(covers_s * 1000 / pace[line.kind, line.active] for covers_s, line in lines)


def _uplinks(recording: Recording, site: Site) -> Iterable[Finding]:
    seen: dict[str, list[tuple[float, Line]]] = {}
    for sample in recording.samples:
        for line in sample.lines:
            seen.setdefault(line.name, []).append((sample.covers_s, line))
    carried = [(each.covers_s, line) for each in recording.samples for line in each.lines if line.active]
    if carried:
        yield from _voice(CARRIED, carried, site, "not met")
    found = list(spans(recording.entries))
    for name, lines in seen.items():
        yield from _voice(name, lines, site, "condition")
        yield from _path(name, lines, site)
        yield _up(name, [each for each in found if each.what == name], site)
    if not seen:
        yield Finding("uplinks", "every measurement", "not measured", "an uplink", AGENCY, "not shown")


def _voice(name: str, lines: Sequence[tuple[float, Line]], site: Site, worse: Outcome) -> Iterable[Finding]:
    rtt_ms = quantile((line.rtt_max_ms for _, line in lines), 0.95)
    delay_ms = None if rtt_ms is None else mouth_to_ear_ms(rtt_ms, site)
    yield Finding(
        name,
        "one-way delay *",
        said(delay_ms, "ms"),
        "at most 150 ms",
        G114,
        compared(delay_ms, (delay_ms or 0) <= DELAY_MS, worse),
        f"Half the round trip, a {FRAME_MS:.0f} ms frame, and {site.calls.playout_ms} ms of jitter buffer.",
    )
    r = quantile((r_factor(line, site) for _, line in lines), 0.05)
    yield Finding(
        name,
        "voice quality, R *",
        f"{r:.0f}" if r is not None else "not measured",
        "at least 80",
        G107,
        compared(r, (r or 0) >= R_GOOD, "condition" if (r or 0) >= R_POOR else worse),
        "Computed from delay and loss for G.711 with concealment.",
    )


def _path(name: str, lines: Sequence[tuple[float, Line]], site: Site) -> Iterable[Finding]:
    jitter_ms = quantile((line.jitter_ms for _, line in lines), 0.95)
    yield Finding(
        name,
        "jitter *",
        said(jitter_ms, "ms"),
        "at most 50 ms",
        Y1541.format("IPDV, 50 ms"),
        compared(jitter_ms, (jitter_ms or 0) <= JITTER_MS, "condition"),
        "Measured as the smoothed variation of the round trip (RTTVAR of RFC 6298), both ways together.",
    )
    yield _lost(name, lines, site)


def _lost(name: str, lines: Sequence[tuple[float, Line]], site: Site) -> Finding:
    """A loss this small takes many probes to show: none lost of n says less than 3/n with 95 % confidence."""
    known = [(covers_s, line.loss) for covers_s, line in lines if line.loss is not None]
    total_s = sum(covers_s for covers_s, _ in known)
    loss = sum(covers_s * lost for covers_s, lost in known) / total_s if total_s else None
    sent = probes(lines, site.failover)
    shown = loss is None or loss > LOSS or sent >= RULE_OF_THREE / LOSS
    note = "" if shown else f"Only about {sent:.0f} probes were sent; {RULE_OF_THREE / LOSS:.0f} are needed to show it."
    outcome = compared(loss, (loss or 0) <= LOSS, "condition") if shown else "condition"
    return Finding(name, "packets lost", percent(loss), "at most 0.1 %", Y1541.format("IPLR, 1 in 1000"), outcome, note)


def _up(name: str, of: list[Span], site: Site) -> Finding:
    part, bound = share(of, "up"), site.survey.uplink_up_percent
    out = [each for each in of if each.state == "down"]
    longest = max((each.length_s for each in out), default=0.0)
    words = f", {len(out)} outage{'s' * (len(out) != 1)}" + (f", the longest {lasting(longest)}" if out else "")
    return Finding(
        name,
        "up",
        percent(part) + (words if part is not None else ""),
        f"at least {bound:g} %",
        AGENCY,
        compared(part, 100 * (part or 0) >= bound, "condition"),
    )


# The hub, and what the home gives.


def _hub(recording: Recording, site: Site) -> Iterable[Finding]:
    policy = site.survey
    of = [each for each in spans(recording.entries) if each.what == "hub"]
    part = share(of, "yes")
    longest = max((each.length_s for each in of if each.state == "no"), default=0.0)
    yield Finding(
        "centre",
        "reached",
        percent(part) + (f", out of reach for {lasting(longest)} at the longest" if longest and part else ""),
        f"at least {policy.hub_reached_percent:g} %",
        AGENCY,
        compared(part, 100 * (part or 0) >= policy.hub_reached_percent),
    )
    report_s = 1.5 * site.hub.keepalive_s
    yield Finding(
        "centre",
        "knows of a lost unit within",
        f"{report_s:g} s, by configuration",
        f"at most {policy.lost_unit_s:g} s",
        REPORTED,
        compared(report_s, report_s <= policy.lost_unit_s),
        f"One and a half times the keep-alive of {site.hub.keepalive_s} s (MQTT 5.0, 3.1.2.10); not measured here.",
    )
    two = [sample for sample in recording.samples if sample.two_kinds is not None]
    total_s = sum(each.covers_s for each in two)
    both = sum(each.covers_s for each in two if each.two_kinds) / total_s if total_s else None
    yield Finding(
        "centre",
        "two kinds of network line up",
        percent(both),
        f"at least {policy.two_kinds_percent:g} % of the time",
        f"{DP}; the share of the time is the agency's own",
        compared(both, 100 * (both or 0) >= policy.two_kinds_percent),
    )


def _home(recording: Recording, site: Site) -> Iterable[Finding]:
    policy, samples = site.survey, recording.samples
    if any(line.kind == "lte" for sample in samples for line in sample.lines):
        yield _signal(samples, policy.lte_signal_dbm)
    yield from _power(recording, site)
    clock_ms = quantile((each.clock_ms for each in samples), 1.0)
    yield Finding(
        "clock",
        "error",
        f"at most {clock_ms:.0f} ms" if clock_ms is not None else "not known: nothing sets the clock",
        "at most 100 ms, all the time",
        NENA,
        compared(clock_ms, (clock_ms or 0) <= CLOCK_MS),
    )
    noise = quantile((each.noise_dbfs for each in samples), 0.95)
    yield Finding(
        "room",
        "noise *",
        said(noise, "dBFS"),
        f"at most {policy.room_noise_dbfs:g} dBFS",
        AGENCY,
        compared(noise, (noise or 0) <= policy.room_noise_dbfs, "condition"),
        "As this headset's microphone hears the room.",
    )


def _signal(samples: Sequence[Sample], bound_dbm: float) -> Finding:
    signal = quantile((each.signal_dbm for each in samples), 0.05)
    return Finding(
        "LTE",
        "signal *",
        said(signal, "dBm"),
        f"at least {bound_dbm:g} dBm",
        AGENCY,
        compared(signal, (signal or 0) >= bound_dbm, "condition"),
    )


def _power(recording: Recording, site: Site) -> Iterable[Finding]:
    policy = site.survey
    of = [each for each in spans(recording.entries) if each.what == "mains"]
    known_s, losses = sum(each.length_s for each in of if each.state != "unknown"), _losses(of)
    allowed = max(1.0, policy.mains_losses_per_day * recording.measured_s / DAY_S)
    yield Finding(
        "power",
        "mains lost",
        f"{losses} time{'s' * (losses != 1)}" if known_s else "not measured",
        f"at most {policy.mains_losses_per_day:g} a day",
        AGENCY,
        compared(known_s or None, losses <= allowed, "condition"),
    )
    left = quantile((each.minutes_left for each in recording.samples), 0.0)
    yield Finding(
        "power",
        "battery lasts at least",
        said(left, "min"),
        f"at least {policy.battery_minutes:g} min",
        AGENCY,
        compared(left, (left or 0) >= policy.battery_minutes),
        "The lower bound of the unit's own estimate, at its lowest.",
    )


def _losses(of: Sequence[Span]) -> int:
    return sum(1 for each in of if each.state == "battery")
