"""The four tunnels between a unit and the hub: their numbers, and both ends' settings as text. Pure.

    wg-data    follows the default route: MQTT, updates; its addresses never change
    wg-a       pinned to the best wired uplink   \\  mark, own table, and `unreachable` behind it,
    wg-b       pinned to LTE                     /  so that neither ever takes the other's way
    wg-voice   SIP, RTP; its datagrams go to an address over wg-a, and while copying is on also over wg-b;
               WireGuard's replay window (RFC 6479) drops whichever copy comes second

No prefix here has another route: where a tunnel is away, `unreachable` stands behind it, so nothing leaves in clear.
Unit `number` (1 to 65,533, from provisioning) has the address hub + number in every prefix.
On a unit NetworkManager owns these interfaces (kernel WireGuard); on the bench `wireguard-go` takes the same text.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from msgspec import Struct

KEEPALIVE_S = 25
LAST_METRIC = 9999
UNREACHABLE_OFFSET = 100
MAX_UNITS = 65_533


class Tunnel(Struct, frozen=True):
    """One tunnel. `mark` pins it: its packets carry that fwmark and see only the table of that number."""

    interface: str
    port: int
    mtu: int
    network: str
    mark: int | None = None
    keepalive_s: int = KEEPALIVE_S

    def hub(self) -> str:
        return host(self.network, 0)

    def unit(self, number: int) -> str:
        return host(self.network, number)


# An operator may leave 1358 bytes for a datagram (3GPP TS 24.301, 6.6.4.2), and not every one carries more in pieces.
# WireGuard adds 60 to each (IPv4), and wg-voice's go through a second tunnel.
DATA = Tunnel("wg-data", 51820, 1280, "10.79.0.0")
WIRED = Tunnel("wg-a", 51821, 1440, "10.82.0.0", mark=101)
LTE = Tunnel("wg-b", 51822, 1440, "10.83.0.0", mark=102, keepalive_s=0)  # idle, it must cost nothing
VOICE = Tunnel("wg-voice", 51823, 1232, "10.80.0.0")
ALL = (DATA, WIRED, LTE, VOICE)
CARRIED = "10.81.0.0"  # where wg-voice's own datagrams go: over wg-a, copied to wg-b
PREFIX = 16


class Peer(Struct, frozen=True):
    """The other end of one tunnel; no endpoint where it is learned from what comes in."""

    public_key: str
    allowed: tuple[str, ...]
    endpoint: str = ""
    keepalive_s: int = 0


def pins(uplinks: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Interface to routing table, for the unit's uplinks as (interface, kind) in their order of preference.

    All wired ones share wg-a's table, where the best metric wins. Without LTE the last of several carries wg-b.
    """
    tables = {name: WIRED.mark if kind == "ethernet" else LTE.mark for name, kind in uplinks}
    if len(tables) > 1 and LTE.mark not in tables.values():
        tables[uplinks[-1][0]] = LTE.mark
    return {name: table for name, table in tables.items() if table}


def host(network: str, number: int) -> str:
    """The address of the hub (0) or of unit `number` in a prefix; ValueError beyond it."""
    if not 0 <= number <= MAX_UNITS:
        raise ValueError(f"tunnels: unit number {number} is not in 1..{MAX_UNITS}; see the unit's provisioning")
    return str(IPv4Address(network) + 1 + number)


def allowed(tunnel: Tunnel, number: int) -> tuple[str, ...]:
    """The addresses that may come out of `tunnel` from unit `number`, or from the hub (0)."""
    carried = (host(CARRIED, number),) if tunnel.mark else ()
    return tuple(f"{each}/32" for each in (host(tunnel.network, number), *carried))


def unit_peer(tunnel: Tunnel, hub: str, public_key: str) -> Peer:
    """The hub as a unit sees it; `hub` is its address on the internet."""
    return Peer(public_key, allowed(tunnel, 0), f"{endpoint(tunnel, hub)}:{tunnel.port}", tunnel.keepalive_s)


def endpoint(tunnel: Tunnel, hub: str) -> str:
    """Where a unit's datagrams of this tunnel go: to the hub, wg-voice's inside the pinned tunnels."""
    return host(CARRIED, 0) if tunnel is VOICE else hub


def setconf(tunnel: Tunnel, private_key: str, peers: Iterable[Peer], *, listen: bool) -> str:
    """The tunnel as `wg setconf` takes it (wg(8)). wg-voice has its port at both ends: the copies are known by it."""
    lines = ["[Interface]", f"PrivateKey = {private_key}"]
    lines += [f"ListenPort = {tunnel.port}"] if listen or tunnel is VOICE else []
    lines += [f"FwMark = {tunnel.mark}"] if tunnel.mark and not listen else []
    for peer in peers:
        lines += ["[Peer]", f"PublicKey = {peer.public_key}", f"AllowedIPs = {', '.join(peer.allowed)}"]
        lines += [f"Endpoint = {peer.endpoint}"] if peer.endpoint else []
        lines += [f"PersistentKeepalive = {peer.keepalive_s}"] if peer.keepalive_s else []
    return "\n".join(lines) + "\n"


def interface_lines(tunnel: Tunnel, number: int) -> tuple[str, ...]:
    """ip(8) lines for the interface at the unit `number`, or at the hub (0), each time it has appeared."""
    own = host(tunnel.network, number)
    lines = [
        f"link set {tunnel.interface} mtu {tunnel.mtu} up",
        f"addr replace {own}/32 dev {tunnel.interface}",
        f"route replace {tunnel.network}/{PREFIX} dev {tunnel.interface} src {own}",
    ]
    if tunnel is WIRED:
        lines.append(f"route replace {CARRIED}/{PREFIX} dev {tunnel.interface} src {host(CARRIED, number)}")
    return tuple(lines)


def standing_lines(number: int, pinned: Sequence[Tunnel] = (WIRED, LTE)) -> tuple[str, ...]:
    """ip(8) lines for once at either end: what stands whether or not a tunnel is there; the hub (0) pins nothing."""
    lines = [f"addr replace {host(CARRIED, number)}/32 dev lo"]
    for network in (*(tunnel.network for tunnel in ALL), CARRIED):
        lines.append(f"route replace unreachable {network}/{PREFIX} metric {LAST_METRIC}")
    for tunnel in pinned if number else ():
        lines.append(f"rule add fwmark {tunnel.mark} table {tunnel.mark} pref {tunnel.mark}")
        lines.append(f"rule add fwmark {tunnel.mark} unreachable pref {(tunnel.mark or 0) + UNREACHABLE_OFFSET}")
    return tuple(lines)
