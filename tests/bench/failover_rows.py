"""The figures of `make bench-failover`: one row for each contestant under each fault, and the table of them."""

import statistics
from collections.abc import Sequence

from msgspec import Struct

from tests.bench.failover_stream import Outage


class Row(Struct, frozen=True):
    """One contestant under one fault, in ms. `gap`: the longest time without an arrival in a run, of all runs; `well`:
    until nothing was lost any more. A run that was `never` well counts as infinitely long there: None is beyond any
    bound."""

    contestant: str
    fault: str
    runs: int
    gap_median_ms: float
    gap_p99_ms: float
    gap_max_ms: float
    well_median_ms: float | None
    well_max_ms: float | None
    lost_median: float
    never: int


def row(contestant: str, fault: str, seen: Sequence[Outage]) -> Row:
    """Of at least one run."""
    gaps = sorted(each.gap_ms for each in seen)
    well = sorted(float("inf") if each.broken_ms is None else each.broken_ms for each in seen)
    return Row(
        contestant,
        fault,
        len(seen),
        round(statistics.median(gaps), 1),
        round(gaps[min(int(len(gaps) * 0.99), len(gaps) - 1)], 1),
        round(gaps[-1], 1),
        _known(statistics.median_high(well)),
        _known(well[-1]),
        statistics.median(each.lost for each in seen),
        sum(each.broken_ms is None for each in seen),
    )


def _known(number: float) -> float | None:
    return None if number == float("inf") else round(number, 1)


HEAD = "who                   fault            runs   gap p50      p99      max  well p50      max   lost  never   (ms)"


def line(each: Row, bound_s: float) -> str:
    """One line of the table; what was not over within the bound is shown as longer than it."""
    gaps = "".join(f"{number:>9.0f}" for number in (each.gap_median_ms, each.gap_p99_ms, each.gap_max_ms))
    beyond = f">{bound_s * 1000:.0f}"
    well = "".join(f"{beyond if n is None else f'{n:.0f}':>9}" for n in (each.well_median_ms, each.well_max_ms))
    head = f"{each.contestant:<22}{each.fault:<16}{each.runs:>5} {gaps} {well}"
    return f"{head}{each.lost_median:>7.0f}{each.never:>7}"
