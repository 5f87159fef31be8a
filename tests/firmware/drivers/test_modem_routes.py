"""A modem's metric as a route of our own, in a network namespace where nothing else is."""

import json
import shutil
import struct
import subprocess
import sys
from typing import Any

import pytest

from firmware.drivers.pinned_routes import parsed
from firmware.drivers.ports import Link
from firmware.failover import profiles, routes

ALONE = ("unshare", "--user", "--map-root-user", "--net")
pytestmark = pytest.mark.skipif(
    not shutil.which("unshare") or bool(subprocess.run([*ALONE, "true"], check=False).returncode),
    reason="needs a network namespace: unprivileged user namespaces or root",
)
SCENE = """import json, subprocess, sys
from firmware.drivers.modem_routes import ModemRoutes
from firmware.drivers.ports import Link
def ip(*lines):
    for line in lines: subprocess.run(["ip", *line.split()], check=True)
def shown(): return json.loads(subprocess.run(["ip", "-j", "route", "show", "default"], capture_output=True).stdout)
def link(metric, **over):
    known = dict(state="activated", address="10.64.0.2", gateway="10.64.0.1", metric=metric) | over
    return Link(interface="wwan0", **known)
def up(): ip("address add 10.64.0.2/30 dev wwan0", "route add default via 10.64.0.1 dev wwan0 metric 2000 proto static")
ip("link add wwan0 type veth peer name far", "link set far up", "link set wwan0 up")
up()
"""


def scene(text: str) -> Any:
    """What `out` is at the end of `text`."""
    words = [*ALONE, sys.executable, "-c", SCENE + text + "\nprint(json.dumps(out))"]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout)


def metrics(found: Any) -> list[tuple[int, str]]:
    return [(each["metric"], each["protocol"]) for each in found]


def test_ours_stands_before_networkmanagers_and_moves_and_that_stays() -> None:
    first, second = scene(
        "m = ModemRoutes(); out = []\n"
        "for metric in (49, 1010): m.set('wwan0', metric); m.hold(link(metric)); out.append(shown())"
    )
    assert metrics(first) == [(49, "91"), (2000, "static")]
    assert metrics(second) == [(1010, "91"), (2000, "static")]


def test_until_one_is_set_the_profiles_own_is_in_force() -> None:
    found = scene(
        "m = ModemRoutes(); m.hold(link(2000)); out = [m.metric('wwan0', 2000), m.metric('wwan0', None), shown()]"
    )
    assert found[:2] == [2000, None]
    assert metrics(found[2]) == [(2000, "static")]


def test_the_next_life_knows_what_stands_and_takes_it_over() -> None:
    out = scene(
        "m = ModemRoutes(); m.set('wwan0', 49); m.hold(link(49)); m.close()\n"
        "n = ModemRoutes(); known = n.metric('wwan0', 2000); n.hold(link(known)); still = shown()\n"
        "n.set('wwan0', 1010); n.hold(link(1010)); out = [known, still, shown()]"
    )
    assert out[0] == 49
    assert metrics(out[1]) == [(49, "91"), (2000, "static")]
    assert metrics(out[2]) == [(1010, "91"), (2000, "static")]


def test_a_bearer_that_went_and_came_has_its_route_again() -> None:
    out = scene(
        "m = ModemRoutes(); m.set('wwan0', 49); m.hold(link(49))\n"
        "ip('address flush dev wwan0'); gone = shown()\n"
        "m.hold(link(None, state='disconnected', address='', gateway=''))\n"
        "up(); m.hold(link(49)); out = [gone, shown()]"
    )
    assert metrics(out[0]) == []
    assert metrics(out[1]) == [(49, "91"), (2000, "static")]


def route(protocol: int, bits: int = 0) -> bytes:
    body = struct.pack("=BBBBBBBBI", 2, bits, 0, 0, 254, protocol, 0, 1, 0) + struct.pack("=HHI", 8, 6, 49)
    return struct.pack("=IHHII", 16 + len(body), 24, 2, 0, 0) + body


DONE = struct.pack("=IHHIII", 20, 3, 2, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "count", "ended"),
    [
        (route(91) + route(4), 1, False),
        (route(91) + route(91) + DONE, 2, True),
        (DONE, 0, True),
        (route(91, bits=24), 0, False),
        (b"", 0, False),
    ],
)
def test_the_end_of_a_dump_is_found_with_its_last_routes_or_alone(data: bytes, count: int, ended: bool) -> None:
    """Kernels differ, and one who waits for a message of its own would wait for ever."""
    routes_, over = parsed(data)
    assert (len(routes_), over) == (count, ended)


def test_the_profile_stands_behind_every_metric_that_is_ever_set() -> None:
    names = [f"wan{number}" for number in range(20)]
    links = {name: Link(interface=name, state="activated", metric=1) for name in names}
    assert max(routes.rest(links, names, names[0]).values()) < profiles.MOBILE_METRIC
    assert f"route-metric={profiles.MOBILE_METRIC}" in profiles.mobile("apn", "", "", False)["lte.nmconnection"]
