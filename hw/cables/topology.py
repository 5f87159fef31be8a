"""The virtual network: a unit with three uplinks, a home router (or a carrier) each, an internet, and the hub.

    unit  wan0 192.168.10.2 --- in0 r-wired  out0 --- n-wired  \
    unit  wan1 192.168.20.2 --- in0 r-wired2 out0 --- n-wired2  internet  n-hub --- eth0 203.0.113.1  hub
    unit  lte0 10.64.0.2    --- in0 r-lte    out0 --- n-lte    /  192.0.2.1, 192.0.2.2: others to ask

Every router masquerades (NAT) as home routers and carriers do. All names carry `prefix`, so that several networks
stand side by side. Addresses are from RFC 1918, RFC 5737 (documentation).
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from hw.cables import namespace

HUB = "203.0.113.1"
OTHERS = ("192.0.2.1", "192.0.2.2")


class CablesError(Exception):
    """The virtual network could not be made or changed; the message says which command and why."""


@dataclass(frozen=True)
class Line:
    """One uplink: the unit's interface, its address, its router's two sides, and NetworkManager's route metric."""

    name: str
    interface: str
    address: str
    gateway: str
    outside: str
    beyond: str
    metric: int


LINES = (
    Line("wired", "wan0", "192.168.10.2", "192.168.10.1", "198.51.100.2", "198.51.100.1", 100),
    Line("wired2", "wan1", "192.168.20.2", "192.168.20.1", "198.51.100.6", "198.51.100.5", 200),
    Line("lte", "lte0", "10.64.0.2", "10.64.0.1", "198.51.100.10", "198.51.100.9", 700),
)
FIRST_INDEX = 11  # not its peer's: the kernel then tells a lost carrier at once (net/core/link_watch.c, urgent events)
NAT = """table ip nat {
  chain out { type nat hook postrouting priority 100; oifname "out0" masquerade; }
}
"""


@dataclass(frozen=True)
class Names:
    """The namespaces of one network."""

    prefix: str = ""

    @property
    def unit(self) -> str:
        return self.prefix + "unit"

    @property
    def hub(self) -> str:
        return self.prefix + "hub"

    @property
    def internet(self) -> str:
        return self.prefix + "internet"

    def router(self, line: str) -> str:
        return f"{self.prefix}r-{line}"

    def all(self) -> tuple[str, ...]:
        return (self.unit, self.hub, self.internet, *(self.router(line.name) for line in LINES))


async def run(*argv: str, given: str = "") -> str:
    """One command to its end; CablesError where it fails."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(given.encode())
    if process.returncode:
        raise CablesError(f"cables: {' '.join(argv)} ended with {process.returncode}: {out.decode().strip()}")
    return out.decode()


async def ip(name: str, *lines: str) -> None:
    """Many lines of ip(8) in one namespace, in one process."""
    await run("ip", "-n", name, "-batch", "-", given="\n".join(lines) + "\n")


def _plan(names: Names) -> list[str]:
    """ip(8) lines that make the namespaces and the cables between them."""
    plan = [f"netns add {name}" for name in names.all()]
    plan.append(f"link add eth0 netns {names.hub} type veth peer name n-hub netns {names.internet}")
    for index, line in enumerate(LINES, FIRST_INDEX):
        router = names.router(line.name)
        end = f"{line.interface} index {index} netns {names.unit}"
        plan.append(f"link add {end} type veth peer name in0 netns {router}")
        plan.append(f"link add out0 netns {router} type veth peer name n-{line.name} netns {names.internet}")
    return plan


def _settings() -> None:
    """As image/ sets them on a unit: a route whose link has no carrier is passed over by the kernel, at once."""
    for setting in ("ip_forward", "conf/all/src_valid_mark", "conf/all/ignore_routes_with_linkdown"):
        Path("/proc/sys/net/ipv4", setting).write_text("1")


class Topology:
    """The network; `start` makes it, `close` leaves nothing of it."""

    def __init__(self, prefix: str = "") -> None:
        self.names = Names(prefix)

    async def start(self) -> None:
        await run("ip", "-batch", "-", given="\n".join(_plan(self.names)) + "\n")
        for name in self.names.all():
            await asyncio.to_thread(namespace.within, name, _settings)
        await self._internet()
        for line in LINES:
            await self._router(line)
        await ip(
            self.names.hub,
            "link set lo up",
            f"addr add {HUB}/24 dev eth0",
            "link set eth0 up",
            "route add default via 203.0.113.254",
        )
        await ip(self.names.unit, "link set lo up")

    async def close(self) -> None:
        there = [name for name in self.names.all() if (namespace.FOLDER / name).exists()]
        await run("ip", "-batch", "-", given="".join(f"netns del {name}\n" for name in there))

    async def _internet(self) -> None:
        lines = ["link set lo up", "addr add 203.0.113.254/24 dev n-hub", "link set n-hub up"]
        lines += [f"addr add {other}/32 dev lo" for other in OTHERS]
        for line in LINES:
            lines += [f"addr add {line.beyond}/30 dev n-{line.name}", f"link set n-{line.name} up"]
        await ip(self.names.internet, *lines)

    async def _router(self, line: Line) -> None:
        name = self.names.router(line.name)
        await ip(
            name,
            "link set lo up",
            f"addr add {line.gateway}/24 dev in0",
            "link set in0 up",
            f"addr add {line.outside}/30 dev out0",
            "link set out0 up",
            f"route add default via {line.beyond}",
        )
        await run(*namespace.command(name, "nft", "-f", "-"), given=NAT)

    async def forget(self, line: str) -> None:
        """The router forgets every translation, as one that restarts does: its outer port goes down and up."""
        (found,) = [each for each in LINES if each.name == line]
        name = self.names.router(line)
        await ip(name, "link set out0 down", "link set out0 up", f"route replace default via {found.beyond}")

    async def static(self) -> None:
        """The unit's addresses and routes by hand, for tests that want no NetworkManager."""
        for line in LINES:
            await ip(
                self.names.unit,
                f"addr add {line.address}/24 dev {line.interface}",
                f"link set {line.interface} up",
                f"route add default via {line.gateway} dev {line.interface} metric {line.metric}",
            )
        for line in LINES:
            await self._operational(line.interface)

    async def _operational(self, interface: str) -> None:
        """Until the kernel has taken a link into service, which it may do up to a second after its carrier came."""
        for _ in range(500):
            if " state UP " in await run("ip", "-n", self.names.unit, "link", "show", interface):
                return
            await asyncio.sleep(0.01)
        raise CablesError(f"cables: {interface} in {self.names.unit} does not come up; is its router there?")
