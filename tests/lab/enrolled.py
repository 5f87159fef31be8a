"""A unit of the lab that an agency knows: the saved one, with its certificates and settings, connected."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from image.tools import Tools
from tests.lab import guest as machine
from tests.lab import rehearsal
from tests.lab.agency import HUB, Agency, agency
from tests.lab.guest import Guest
from tests.lab.rehearsal import IDENTITY, until
from tests.lab.virt import plugged

BOUND_S = 60.0
SITE = """[hub]
host = "{hub}"
mqtt_port = {mqtt}
probe_port = {probes}
keepalive_s = 60
[alerts]
acknowledged_lamp_s = 3600.0
[failover]
probe_host = "{hub}"
[updates]
url = "{url}"
quiet_minutes = 0.0
"""
READERS = "hdu-alerts hdu-hublink hdu-uplinks hdu-updates hdu-readiness hdu-status hdu-recorder"
Unit = tuple[Guest, Agency]


@contextmanager
def enrolled(ready: Path, tools: Tools, folder: Path) -> Iterator[Unit]:
    """Where it ends, the unit's plug is pulled."""
    run = machine.resumed(ready, folder / "machine", tools)
    with agency(folder / "agency") as hub, rehearsal.responder(folder) as probes, plugged(run):
        machine.go_on(run)
        given(run, hub, SITE.format(hub=HUB, mqtt=hub.port, probes=probes, url=hub.url))
        yield run, hub


def given(guest: Guest, hub: Agency, site: str) -> None:
    """As provisioning leaves it: root's, its services may read it."""
    tls = {f"tls/{name}": text for name, text in hub.unit().items()}
    root = (hub.repository / "public" / "metadata" / "1.root.json").read_text()
    files = {**tls, "site.toml": site, "root.json": root}
    rehearsal.put(guest, {f"{IDENTITY}/{name}": text for name, text in files.items()})
    guest.run(f"chmod -R g+rX {IDENTITY}; chgrp -R hdu {IDENTITY}; systemctl restart {READERS}", 300)
    until(guest, "the hub is there", "HubLink", "connected", True, 120)


def soon(guest: Guest, what: str, look: Callable[[], Any], bound_s: float = BOUND_S) -> Any:
    """What is found, as soon as it is true."""
    ends = time.monotonic() + bound_s
    while not (found := look()):
        if time.monotonic() > ends:
            journal = guest.run("journalctl -b -p 5 -o short-monotonic --no-pager | tail -n 40", may_fail=True)
            raise AssertionError(f"{what}: not within {bound_s:g} s\n{journal}")
        guest.read(0.05)
    return found
