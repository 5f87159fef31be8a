"""Which plots a survey has. Pure."""

from collections.abc import Callable, Iterator

from firmware.config import Site
from hdu.survey.plot import Chart, Point, Series
from hdu.survey.record import Recording, spans
from hdu.survey.sampling import Line, Resume, Sample
from hdu.survey.verdicts import CLOCK_MS, DELAY_MS, R_GOOD, mouth_to_ear_ms, r_factor

STYLES = ("one", "two", "three", "four")


def charts(recording: Recording, site: Site) -> Iterator[Chart]:
    """Only what was measured at least once; outages of the hub are shaded in what is about the network."""
    names = list(dict.fromkeys(line.name for sample in recording.samples for line in sample.lines))
    hub = [each for each in spans(recording.entries) if each.what == "hub" and each.state == "no"]
    shaded = [(each.began, each.began + each.length_s) for each in hub]
    found = [
        _lines(recording, names, "One-way delay, mouth to ear", "ms", lambda line: _delay(line, site)),
        _lines(recording, names, "Voice quality", "R", lambda line: r_factor(line, site)),
        _lines(recording, names, "Packets lost", "%", lambda line: None if line.loss is None else 100 * line.loss),
        _one(recording, "LTE signal", "dBm", lambda sample: sample.signal_dbm),
        _one(recording, "Battery, minutes at least", "min", lambda sample: sample.minutes_left),
        _one(recording, "Clock error, at most", "ms", lambda sample: sample.clock_ms),
        _one(recording, "Noise of the room", "dBFS", lambda sample: sample.noise_dbfs),
    ]
    policy = site.survey
    bounds = [
        (DELAY_MS, "150 ms (G.114)"),
        (R_GOOD, "R 80 (G.107)"),
        (None, ""),
        (policy.lte_signal_dbm, f"{policy.lte_signal_dbm:g} dBm (agency)"),
        (policy.battery_minutes, f"{policy.battery_minutes:g} min (agency)"),
        (CLOCK_MS, "100 ms (NENA 04-002)"),
        (policy.room_noise_dbfs, f"{policy.room_noise_dbfs:g} dBFS (agency)"),
    ]
    began, ended = recording.begin.at, max(each.at for each in recording.entries)
    for (title, unit, series), (bound, words) in zip(found, bounds, strict=True):
        if any(value is not None for each in series for _, value in each.points):
            floor = None if unit in ("R", "dBm", "dBFS") else 0.0
            network = shaded if len(series) > 1 or unit in ("R", "%") else ()
            yield Chart(title, unit, began, ended, series, bound, words, network, floor)


Found = tuple[str, str, list[Series]]


def _delay(line: Line, site: Site) -> float | None:
    return None if line.rtt_ms is None else mouth_to_ear_ms(line.rtt_ms, site)


def _lines(recording: Recording, names: list[str], title: str, unit: str, of: Callable[[Line], float | None]) -> Found:
    def value(name: str) -> Callable[[Sample], float | None]:
        return lambda sample: next((of(line) for line in sample.lines if line.name == name), None)

    series = [Series(name, STYLES[n % len(STYLES)], _points(recording, value(name))) for n, name in enumerate(names)]
    return title, unit, series


def _one(recording: Recording, title: str, unit: str, of: Callable[[Sample], float | None]) -> Found:
    return title, unit, [Series("", STYLES[0], _points(recording, of))]


def _points(recording: Recording, of: Callable[[Sample], float | None]) -> list[Point]:
    """A gap where the survey was interrupted."""
    points: list[Point] = []
    for entry in recording.entries:
        if isinstance(entry, Sample):
            points.append((entry.at, of(entry)))
        elif isinstance(entry, Resume):
            points.append((entry.at, None))
    return points
