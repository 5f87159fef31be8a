"""What can go wrong with one uplink, put into its router in well under a millisecond.

Carrier is the router's inner port, switched by ioctl (netdevice(7)); what happens to packets is one nft chain that is
always there. So a fault costs no process, and it strikes when it is said to.
"""

import fcntl
import socket
import struct
from typing import Literal

import msgspec

from hw.cables import namespace
from hw.cables.nft import Nft

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
Direction = Literal["none", "both", "up", "down"]
CHAIN = """table ip faults {
  chain line { type filter hook forward priority -10; }
}
"""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a line: `blackhole` drops all packets of a direction (up is unit to hub) and keeps the carrier;
    `loss` is the share of packets dropped at random, each way; `delay_ms` is what hw/cables/delay.py makes of it."""

    cable: bool = True
    blackhole: Direction = "none"
    loss: float = 0.0
    delay_ms: float = 0.0


def rules(fault: Fault, outside: str = "out0") -> str:
    """The nft transaction that makes the chain say what `fault` says; `outside` is the port towards the hub."""
    lines = ["flush chain ip faults line"]
    if fault.blackhole in ("both", "up"):
        lines.append(f'add rule ip faults line oifname "{outside}" drop')
    if fault.blackhole in ("both", "down"):
        lines.append(f'add rule ip faults line iifname "{outside}" drop')
    if fault.loss:
        share = f"numgen random mod 1000 < {round(fault.loss * 1000)}"
        lines.append(f'add rule ip faults line oifname != "delay0" {share} drop')  # once, where a delay line is on
    return "\n".join(lines) + "\n"


class Router:
    """One router with its faults; `fault` is what is in force."""

    def __init__(self, name: str, port: str = "in0", outside: str = "out0") -> None:
        self.name, self.port, self.outside, self.fault = name, port, outside, Fault()
        self._nft = Nft(name)
        self._nft.run(CHAIN)
        self._control = namespace.within(name, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def set(self, fault: Fault) -> None:
        """Puts `fault` in force, all at once; what it does not say is well again."""
        if rules(fault) != rules(self.fault):
            self._nft.run(rules(fault, self.outside))
        if fault.cable != self.fault.cable:
            self._switch(fault.cable)
        self.fault = fault

    def _switch(self, on: bool) -> None:
        asked = struct.pack("16sh22x", self.port.encode(), 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(self._control, SIOCGIFFLAGS, asked), 16)
        flags = flags | IFF_UP if on else flags & ~IFF_UP
        fcntl.ioctl(self._control, SIOCSIFFLAGS, struct.pack("16sh22x", self.port.encode(), flags))

    def close(self) -> None:
        self._control.close()
        self._nft.close()
