"""What a unit of the lab is given, so that it has something to lose and somebody to talk to."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.releases import make, publish
from firmware import wire
from firmware.failover import probing
from tests.lab.guest import Guest
from tests.lab.web import Shelf

INSTALL = "setpriv --reuid=hdu-updates --regid=hdu --clear-groups rauc install"
"""As the updates service asks: the bus lets nobody else, not even root."""
NAME, SITE_KEY = "hdu-lab", "5a" * 32
HERE, IDENTITY = "/var/lib/hdu/lab", "/var/lib/hdu/identity/lab"
MAINS = "POWER_SUPPLY_NAME=AC\nPOWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE=1\n"
BATTERY = """POWER_SUPPLY_NAME=BAT0
POWER_SUPPLY_TYPE=Battery
POWER_SUPPLY_SCOPE=System
POWER_SUPPLY_PRESENT=1
POWER_SUPPLY_STATUS=Full
POWER_SUPPLY_CAPACITY=100
POWER_SUPPLY_VOLTAGE_NOW=4150000
POWER_SUPPLY_CURRENT_NOW=0
"""
UNIT = f"""name = "{NAME}"
[power]
power_supply_root = "{HERE}/power_supply"
[updates]
ring = "canary"
root = "/etc/hdu/root.json"
trial_s = 60.0
[[uplinks]]
name = "wired"
kind = "ethernet"
interface = "eth0"
"""
SITE = """[hub]
host = "10.0.2.2"
probe_port = {probes}
[failover]
probe_host = "10.0.2.2"
[updates]
url = "{url}"
poll_s = 120.0
quiet_minutes = 0.0
"""
RISEN = "until journalctl -b -u floor -o cat --no-pager | grep -q ^Finished; do sleep 0.5; done"
"""RAUC has started anew for what was proven: a test that installs at once would meet that."""
SPOOL = "ls /var/lib/hdu/spool/*.alert"
ROLL_OUT = """id = "release-{version}"
target = "bundles/{version}.raucb"
version = "{version}"
urgent = true
[percent]
canary = 100
"""


def put(guest: Guest, files: Mapping[str, str]) -> None:
    """Files of root's that the services may read."""
    for name, text in files.items():
        guest.run(f"mkdir -p $(dirname {name}); cat > {name} <<'EOF'\n{text.rstrip()}\nEOF")
        guest.run(f"chmod 640 {name}; chgrp hdu {name}")


def prepare(guest: Guest, probes: int) -> None:
    """An identity, mains power, a spool with something on it; the services begin anew with them."""
    put(guest, {f"{HERE}/power_supply/AC/uevent": MAINS, f"{HERE}/power_supply/BAT0/uevent": BATTERY})
    key = probing.unit_key(probing.key(SITE_KEY), probing.identity(NAME)).hex()
    settings = {"unit.toml": UNIT, "site.toml": SITE.format(probes=probes, url=""), "probe.key": key}
    put(guest, {f"{IDENTITY}/{name}": text for name, text in settings.items()})
    guest.run(f"chmod -R g+rX {HERE} {IDENTITY}; chgrp -R hdu {HERE} {IDENTITY}; ln -sfn lab {IDENTITY}/../current")
    guest.run("sync; systemctl restart hdu-uplinks hdu-power hdu-updates hdu-readiness", 300)
    until(guest, "it is proven", "Updates", "proven", True, 600)
    guest.board.command("panel", {"button": "panic", "action": "press"})
    guest.run("until ls /var/lib/hdu/spool/*.alert; do sleep 0.2; done", 60)
    guest.board.command("panel", {"button": "panic", "action": "release"})
    guest.run(f"cat /etc/machine-id > {HERE}/id; {SPOOL} > {HERE}/spool; sync")
    guest.run(RISEN, 300)


def is_itself(guest: Guest) -> None:
    """The same unit, provisioned as it was, and the alert that nobody has answered is there."""
    assert guest.run("cat /etc/machine-id") == guest.run(f"cat {HERE}/id")
    assert guest.run(SPOOL) == guest.run(f"cat {HERE}/spool")
    assert guest.run("sed -n '1s/^name = //p' /etc/hdu/unit.toml") == f'"{NAME}"'


def fact(guest: Guest, name: str, field: str) -> Any:
    """One field of a fact on the bus; None where it is unknown, or the service is away."""
    place = f"org.homedispatch.{name} /org/homedispatch/{name} org.homedispatch.{name}1 {wire.member(field)}"
    said = guest.run(f"busctl --json=short get-property {place} 2> /dev/null", may_fail=True)
    value = json.loads(said or '{"data": null}')["data"]
    return (value[0] if value else None) if isinstance(value, list) else value


def until(guest: Guest, what: str, name: str, field: str, wanted: object, bound_s: float) -> None:
    """A condition with a bound; the console is read meanwhile."""
    ends = time.monotonic() + bound_s
    while (now := fact(guest, name, field)) != wanted:
        if time.monotonic() > ends:
            journal = guest.run("journalctl -b -p 4 -o cat --no-pager | tail -n 20", may_fail=True)
            raise AssertionError(f"{what}: {name}.{field} is {now!r}, not {wanted!r}, after {bound_s:g} s\n{journal}")
        guest.read(1.0)


@contextmanager
def responder(folder: Path) -> Iterator[int]:
    """The hub's end of the probes, on loopback; the port."""
    (folder / "site.key").write_text(SITE_KEY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--key", str(folder / "site.key"), "--bind", "127.0.0.1", "--port", str(port))
    with subprocess.Popen(
        [sys.executable, "-m", "hub.responder", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and "ready" in process.stdout.readline()
            yield port
        finally:
            process.terminate()


def release(shelf: Shelf, bundle: Path, version: str) -> None:
    """Central IT publishes it to everybody, signed."""
    folder = shelf.folder.parent / "repository"
    if not (folder / "public").exists():
        make(folder)
    (folder / "roll-out.toml").write_text(ROLL_OUT.format(version=version))
    publish(folder, {f"bundles/{version}.raucb": bundle, f"rollouts/{version}": folder / "roll-out.toml"})
    if not (shelf.folder / "metadata").exists():
        for name in ("metadata", "targets"):
            (shelf.folder / name).symlink_to(folder / "public" / name)


def follow(guest: Guest, shelf: Shelf, probes: int) -> None:
    """The unit knows its repository and its hub from here on."""
    root = (shelf.folder / "metadata" / "1.root.json").read_text()
    put(guest, {f"{IDENTITY}/site.toml": SITE.format(probes=probes, url=shelf.address), f"{IDENTITY}/root.json": root})
    guest.run("systemctl restart hdu-uplinks hdu-updates hdu-readiness", 300)


def look(guest: Guest) -> None:
    guest.run("busctl call org.homedispatch.Updates /org/homedispatch/Updates org.homedispatch.Updates1 Look")
