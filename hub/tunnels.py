"""The hub's end of every unit's tunnels: four interfaces and one nftables table for all units together.

Which units copy their voice is not told but seen: a voice datagram that came by wg-b puts its unit into `copying` for
COPYING_S, and what the hub sends to a unit in there leaves by wg-a and by wg-b. So LTE carries copies only in a call.
`dup to` only names the way (any address behind that interface does); the datagram keeps its own destination. Where
`wireguard-go` answers by the interface it last heard on, `way` turns a unit that copies no more back to wg-a.
"""

from collections.abc import Mapping

from firmware.failover import tunnels
from firmware.failover.tunnels import LTE, VOICE, WIRED, Peer, Tunnel

HUB = 0
COPYING_S = 3
TABLE = f"""table ip voice {{
  set copying {{ type ipv4_addr; flags dynamic,timeout; timeout {COPYING_S}s; size {tunnels.MAX_UNITS}; }}
  chain in {{
    type filter hook input priority 0;
    iifname "{LTE.interface}" udp sport {VOICE.port} update @copying {{ ip saddr timeout {COPYING_S}s }}
  }}
  chain out {{
    type filter hook output priority 0;
    oifname "{WIRED.interface}" udp sport {VOICE.port} ip daddr @copying dup to {LTE.unit(1)}
    oifname "{LTE.interface}" udp sport {VOICE.port} ip daddr @copying dup to {WIRED.unit(1)}
  }}
  chain way {{
    type route hook output priority -150;
    oifname "{LTE.interface}" udp sport {VOICE.port} ip daddr != @copying meta mark set 1
  }}
}}
"""


def configuration(tunnel: Tunnel, private_key: str, units: Mapping[int, str]) -> str:
    """One interface as `wg setconf` takes it; `units` is unit number to that tunnel's public key."""
    peers = [Peer(key, tunnels.allowed(tunnel, number)) for number, key in sorted(units.items())]
    return tunnels.setconf(tunnel, private_key, peers, listen=True)


def interface_lines(tunnel: Tunnel) -> tuple[str, ...]:
    """ip(8) lines for the interface, each time it has appeared."""
    return tunnels.interface_lines(tunnel, HUB)


def standing_lines() -> tuple[str, ...]:
    """ip(8) lines for once."""
    return tunnels.standing_lines(HUB)
