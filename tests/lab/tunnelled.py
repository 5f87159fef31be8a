"""A unit of the lab that speaks with its hub as one in the field does: provisioned, and through its tunnels alone."""

import http.client
import json
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware.failover.tunnels import DATA
from hdu.provision import answers, making_site, steps
from hdu.provision.making_site import NO_LTE
from hdu.provision.site_file import Lte
from hdu.provision.store import Store
from hub.agency import Agency
from hw.board.cables import address
from hw.headset.usb.descriptors import PRODUCT, STRINGS, VENDOR
from hw.modem.mbim.radio import ICCID
from image.places import CHECKOUT
from image.tools import Tools
from tests.lab import guest as machine
from tests.lab import rehearsal
from tests.lab.agency import HERE, HUB, running
from tests.lab.guest import Guest
from tests.lab.rehearsal import NAME, until
from tests.lab.supervisors import Supervisors
from tests.lab.virt import plugged

LABELS = f"unit={NAME}\npanel=PNL-00317\nheadset={VENDOR:04x}:{PRODUCT:04x}:{STRINGS[3]}\n"
SIM = f"sim={ICCID}\nnumber=+15550001234\n"
APN = "agency.example"
BY_LTE = """[[uplinks]]
name = "lte"
kind = "lte"
interface = "wwan0"
[modem]
port = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_hdu-modem-if00-port0"
"""
SITE = f"""[hub]
host = "{DATA.hub()}"
keepalive_s = 60
[alerts]
acknowledged_lamp_s = 3600.0
[failover]
clean_s = 5.0
hold_max_s = 10.0
"""  # back on the cable in seconds: an emulated minute is several
IDENTITY, CONNECT_S = "/var/lib/hdu/identity", 180.0


class Hub(Supervisors):
    """What `python -m tests.lab.hub_end` runs, and the responder of probes, which no tunnel carries.

    `has_lte`: the units of its site have a modem besides their cable.
    """

    def __init__(self, folder: Path, has_lte: bool = False) -> None:
        self.folder, self.agency, self.has_lte = folder, Agency(folder / "agency"), has_lte

    def asked(self, what: str, body: object = None) -> Any:
        """What the console says."""
        with socket.socket(socket.AF_UNIX) as way:
            way.connect(str(self.folder / "console.sock"))
            line = http.client.HTTPConnection("console", timeout=5)
            line.sock = way
            line.request("GET" if body is None else "POST", f"/{what}", None if body is None else json.dumps(body))
            return json.loads(line.getresponse().read())

    def phone(self, order: dict[str, str] | None = None) -> dict[str, Any]:
        """The agency's phone, after `order`, if any (agency_end.py)."""
        with socket.socket(socket.AF_UNIX) as way:
            way.settimeout(10)
            way.connect(str(self.folder / "phone.sock"))
            way.sendall(json.dumps(order or {}).encode() + b"\n")
            found: dict[str, Any] = json.loads(way.makefile().readline())
            return found

    def provisioned(self) -> Path:
        """A unit's identity as its own steps and the agency's make it; where it lies."""
        unit = rehearsal.UNIT.replace(f'name = "{NAME}"\n', "") + (BY_LTE if self.has_lte else "")
        settings = (self.folder / "site.toml", self.folder / "unit.toml")
        for file, text in zip(settings, (SITE, unit), strict=True):
            file.write_text(text)
        lte = Lte(apn=APN) if self.has_lte else NO_LTE
        site = making_site.make(self.agency.folder, "Riverside", "+1 555 000 9911", HUB, *settings, lte)
        labels = (LABELS + (SIM if self.has_lte else "")).encode()
        store = Store(self.folder / "identity")
        with store.alone():
            request = steps.begin(store, site, answers.in_file(labels, "labels", self.has_lte), new_keys=False)
            return steps.finish(store, self.agency.grant(request)[1], Path("/etc/hdu"))

    @contextmanager
    def up(self) -> Iterator[None]:
        root = (CHECKOUT / ".packages").read_text().strip()
        enter = [str(CHECKOUT / "bench" / "machine" / "enter"), "--online", root, sys.executable, "-m"]
        key = ("--key", str(self.agency.folder / "probing.key"), "--bind", HERE)
        end = [*enter, "tests.lab.hub_end", str(self.agency.folder), str(self.folder)]
        probes = [sys.executable, "-m", "hub.responder", *key]
        with running(end, (self.folder / "console.sock").exists), running(probes, lambda: True):
            yield


@contextmanager
def in_the_field(
    saved: Path,
    tools: Tools,
    folder: Path,
    plugged_in: Sequence[str] = (),
    has_lte: bool = False,
    first: Callable[[Guest], None] = lambda _: None,
) -> Iterator[tuple[Guest, Hub]]:
    """The saved unit, provisioned and with its hub, and `plugged_in` on its USB; `first` comes before all of that."""
    hub, run = Hub(folder, has_lte), machine.resumed(saved, folder / "machine", tools, plugged=plugged_in)
    identity = hub.provisioned()
    with hub.up(), plugged(run):
        first(machine.go_on(run))
        laid(run, identity)
        until(run, "the hub", "HubLink", "connected", True, CONNECT_S)
        yield run, hub


def laid(guest: Guest, identity: Path) -> None:
    """Where provisioning lays it, in its modes and owners; what a start begins with it begins anew."""
    files = {str(file.relative_to(identity.parent)): file for file in identity.rglob("*") if file.is_file()}
    rehearsal.put(guest, {f"{IDENTITY}/{name}": file.read_text() for name, file in files.items()})
    modes = "; ".join(f"chmod {file.stat().st_mode & 0o777:o} {name}" for name, file in files.items())
    guest.run(f"cd {IDENTITY} && chown -R root:hdu 1 && chmod 2755 $(find 1 -type d) && ln -sfn 1 current; {modes}")
    services = guest.run("cd /usr/lib/systemd/system && ls hdu-*[a-z].service")
    guest.run(f"systemctl restart NetworkManager; systemctl restart {' '.join(services.split())} hdu-panel@a", 300)


def sent(capture: Path) -> Counter[str]:
    """Where the unit's packets on its cable went, and how many (pcap of QEMU's filter-dump, Ethernet)."""
    found, data, at = Counter[str](), capture.read_bytes(), 24
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("=I", data, at + 8)
        frame, at = data[at + 16 : at + 16 + length], at + 16 + length
        if frame[6:12].hex(":") == address("wired"):
            found[_whither(frame)] += 1
    return found


def _whither(frame: bytes) -> str:
    """As `udp 10.0.2.2:51820`; of all that is not IPv4 its kind (EtherType; for IPv6 also the next header)."""
    kind = frame[12:14].hex()
    if kind != "0800":
        return f"{kind} {frame[20]}" if kind == "86dd" else kind
    to, rest = ".".join(map(str, frame[30:34])), frame[14 + 4 * (frame[14] & 15) :]
    if frame[23] == 1:
        return f"icmp {to}"
    name = {6: "tcp", 17: "udp"}.get(frame[23], str(frame[23]))
    return f"{name} {to}:{int.from_bytes(rest[2:4])}"
