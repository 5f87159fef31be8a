"""The network cables of a machine, each with a small world of its own behind it (QEMU's user networking)."""

from collections.abc import Sequence

UPLINKS = ("wired", "wired2", "lte")
"""The guest names their interfaces as unit.toml does by default: eth0, eth1, wwan0 (image/root, systemd/network)."""


def address(uplink: str) -> str:
    """The MAC address by which the guest knows it."""
    return f"52:54:00:48:44:{UPLINKS.index(uplink) + 1:02x}"


def network(uplinks: Sequence[str] = ("wired",), forward: Sequence[tuple[int, int]] = ()) -> tuple[str, ...]:
    """QEMU's words for them: networks 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24, where .2 is this machine's loopback.

    `forward` are ports of this machine's loopback into the guest, by its first cable.
    """
    ports = "".join(f",hostfwd=tcp:127.0.0.1:{here}-:{there}" for here, there in forward)
    return tuple(word for each in uplinks for word in _card(each, ports if each == uplinks[0] else ""))


def _card(uplink: str, ports: str) -> tuple[str, ...]:
    net = f"net=10.0.{UPLINKS.index(uplink) + 2}.0/24"
    device = f"virtio-net-pci,netdev={uplink},id={uplink}-card,mac={address(uplink)}"
    return ("-netdev", f"user,id={uplink},{net}{ports}", "-device", device)
