"""Plots over time as inline SVG: lines that break where nothing is known, a bound, and shaded outages. Pure."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from msgspec import Struct

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 150, 54, 8, 12, 24
COLUMNS, TICKS_S = 340, (10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
Point = tuple[float, float | None]


class Series(Struct, frozen=True):
    """(seconds since 1970, value or None) in order of time; `style` is a class of the page's style sheet."""

    name: str
    style: str
    points: Sequence[Point]


class Chart(Struct, frozen=True):
    """One plot. `bound` is a requirement, `shaded` are (from, to) in seconds since 1970."""

    title: str
    unit: str
    began: float
    ended: float
    series: Sequence[Series]
    bound: float | None = None
    bound_words: str = ""
    shaded: Sequence[tuple[float, float]] = ()
    floor: float | None = 0.0


def thinned(points: Sequence[Point], began: float, ended: float, columns: int = COLUMNS) -> list[Point]:
    """At most two points a column, its least and its greatest, so that no peak is lost; None where all is unknown."""
    if len(points) <= columns:
        return list(points)
    width = (ended - began) / columns or 1.0
    cells: dict[int, list[Point]] = {}
    for at, value in points:
        cells.setdefault(int((at - began) / width), []).append((at, value))
    return [point for cell in cells.values() for point in _extremes(cell)]


def _extremes(cell: Sequence[Point]) -> list[Point]:
    known = [(value, at) for at, value in cell if value is not None]
    if not known:
        return [cell[0]]
    both = sorted({min(known), max(known)}, key=lambda pair: pair[1])
    return [(at, value) for value, at in both]


def nice_step(span: float, parts: int) -> float:
    """A step of 1, 2 or 5 times a power of ten, so that `span` has at most `parts` of them."""
    least = max(span, 1e-9) / parts
    power: float = 10.0 ** math.floor(math.log10(least))
    return power * next(times for times in (1, 2, 5, 10) if power * times >= least * (1 - 1e-9))


def limits(chart: Chart) -> tuple[float, float, float]:
    """Lowest and highest value of the axis and the step between its lines; they hold every value and the bound."""
    values = [value for each in chart.series for _, value in each.points if value is not None]
    values += [each for each in (chart.bound, chart.floor) if each is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    step = nice_step(high - low if high > low else abs(high) or 1.0, 4)
    first = math.floor(low / step) * step
    return first, max(math.ceil(high / step) * step, first + step), step


def drawn(chart: Chart) -> str:
    """The whole plot as one <svg>."""
    low, high, step = limits(chart)
    span_s = max(chart.ended - chart.began, 1e-3)

    def x(at: float) -> float:
        return LEFT + (min(max(at, chart.began), chart.ended) - chart.began) / span_s * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">',
        *(_shade(x(start), x(end)) for start, end in chart.shaded),
        *(_level(y(low + n * step), label(low + n * step)) for n in range(round((high - low) / step) + 1)),
        *(_moment(x(at), words) for at, words in moments(chart.began, chart.ended)),
    ]
    if chart.bound is not None:
        parts.append(_bound(y(chart.bound), chart.bound_words))
    for each in chart.series:
        path = _path([(x(at), None if v is None else y(v)) for at, v in thinned(each.points, chart.began, chart.ended)])
        parts.append(f'<path class="{each.style}" d="{path}"/>')
    return "".join([*parts, "</svg>"])


def label(value: float) -> str:
    return f"{value:.6g}"


def _shade(left: float, right: float) -> str:
    width, height = max(right - left, 1.5), HEIGHT - TOP - BOTTOM
    return f'<rect class="out" x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height}"/>'


def _level(y: float, words: str) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{LEFT - 7}" y="{y + 3.5:.1f}" text-anchor="end">{words}</text>'
    )


def _moment(x: float, words: str) -> str:
    anchor = "end" if x > WIDTH - RIGHT - 24 else "middle"
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{words}</text>'


def _bound(y: float, words: str) -> str:
    above = y - 4 if y > TOP + 12 else y + 11
    return (
        f'<line class="bound" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="bound-words" x="{WIDTH - RIGHT - 3}" y="{above:.1f}" text-anchor="end">{escape(words)}</text>'
    )


def _path(points: Iterable[tuple[float, float | None]]) -> str:
    """SVG path data; a lone point between two unknowns is a short dash that can be seen."""
    words, pen = [], False
    for x, y in points:
        if y is not None:
            words.append(f"{'L' if pen else 'M'}{x:.1f} {y:.1f}" + ("" if pen else "h.8"))
        pen = y is not None
    return "".join(words)


def moments(began: float, ended: float) -> list[tuple[float, str]]:
    """Where the time axis has words, on round UTC times: at most eight."""
    step = next((each for each in TICKS_S if (ended - began) / each <= 8), TICKS_S[-1])
    first = math.ceil(began / step) * step
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86_400 else "%d %b"
    count = int((ended - first) // step) + 1 if ended >= first else 0
    return [(at, datetime.fromtimestamp(at, UTC).strftime(form)) for at in (first + n * step for n in range(count))]
