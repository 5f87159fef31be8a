"""Metrics: one change moves the route, the rest puts the others in order."""

from firmware.drivers.ports import Link
from firmware.failover import routes

ORDER = ("wan0", "wan1", "lte0")


def links(**metrics: int | None) -> dict[str, Link]:
    return {name: Link(interface=name, state="activated", metric=metric) for name, metric in metrics.items()}


def test_one_change_puts_the_new_one_first() -> None:
    assert routes.first(links(wan0=50, wan1=1010, lte0=1020), ORDER, "lte0") == {"lte0": 49}
    assert routes.first(links(wan0=100, wan1=200, lte0=700), ORDER, "wan0") == {"wan0": 50}


def test_nothing_changes_where_all_is_in_order() -> None:
    there = links(wan0=50, wan1=1010, lte0=1020)
    assert routes.first(there, ORDER, "wan0") == routes.rest(there, ORDER, "wan0") == {}


def test_the_rest_goes_behind_in_order() -> None:
    assert routes.rest(links(wan0=50, wan1=200, lte0=49), ORDER, "lte0") == {"wan0": 1000, "wan1": 1010}


def test_what_is_not_up_is_left_alone() -> None:
    there = {**links(lte0=49), "wan0": Link(interface="wan0", state="activating"), "wan1": Link(interface="wan1")}
    assert routes.first(there, ORDER, "wan0") == routes.rest(there, ORDER, "lte0") == {}
    assert routes.first(there, ORDER, None) == routes.rest(there, ORDER, None) == {}


def test_who_carries_is_read_from_the_metrics() -> None:
    assert routes.carrying(links(wan0=1000, wan1=1010, lte0=49)) == "lte0"
    assert routes.carrying(links(wan0=100, wan1=200, lte0=700)) is None
