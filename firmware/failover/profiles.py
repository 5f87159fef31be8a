"""Tunnels and LTE as NetworkManager profiles (nm-settings-keyfile(5)): what provisioning writes on a unit. Pure.

The pins are in the tunnels' own profiles, so that they stand when an uplink's goes. What must stand while no tunnel
does (the address wg-voice's datagrams come from, and `unreachable` behind every prefix) is a dummy interface's.
"""

from collections.abc import Mapping
from uuid import NAMESPACE_DNS, uuid5

from firmware.failover import tunnels
from firmware.failover.tunnels import ALL, CARRIED, LAST_METRIC, LTE, PREFIX, UNREACHABLE_OFFSET, WIRED, Tunnel, host

STANDING, MOBILE = "hdu-standing", "lte"
MOBILE_METRIC = 2_000  # behind every metric of firmware/failover/routes.py: see firmware/drivers/modem_routes.py
# Who is made first (autoconnect-priority): `unreachable` stands before a tunnel has anything to send, which else went
# out by the uplink; and the mirror on wg-a needs wg-b to be there.
FIRST = {STANDING: 20, LTE.interface: 10}
Section = dict[str, str | int]
Sections = dict[str, Section]
# All that leaves wg-a also leaves by wg-b (tc-mirred(8)); nothing but wg-voice's datagrams does.
MIRROR: Section = {
    "qdisc.root": "handle 1: prio",
    "tfilter.1:": f"matchall action mirred dev {LTE.interface} egress mirror",
}


def keyfiles(number: int, hub: str, private: Mapping[str, str], public: Mapping[str, str]) -> dict[str, str]:
    """File name to content for unit `number`: each tunnel with its private key and the hub's public one (by interface).

    The files belong to root alone (mode 600), else NetworkManager refuses them.
    """
    profiles = {STANDING: _standing(number)}
    for tunnel in ALL:
        profiles[tunnel.interface] = _tunnel(tunnel, number, hub, private[tunnel.interface], public[tunnel.interface])
    return {f"{name}.nmconnection": _text(sections) for name, sections in profiles.items()}


def mobile(apn: str, user: str, password: str, roaming: bool) -> dict[str, str]:
    """The LTE profile for whichever modem and card are in: one that is not this unit's own is told by the verdict
    (`firmware.checks.sim`), and carries calls all the same."""
    gsm: dict[str, str | int] = {"apn": apn, "home-only": "false" if roaming else "true"}
    gsm |= {name: value.replace("\\", r"\\") for name, value in (("username", user), ("password", password)) if value}
    connection = {name: value for name, value in _connection(MOBILE, "gsm").items() if name != "interface-name"}
    automatic: dict[str, str | int] = {"method": "auto", "route-metric": MOBILE_METRIC}
    sections: Sections = {"connection": connection, "gsm": gsm, "ipv4": automatic, "ipv6": automatic}
    return {f"{MOBILE}.nmconnection": _text(sections)}


def _text(sections: Sections) -> str:
    parts = (f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in of.items()) for name, of in sections.items())
    return "\n".join(parts)


def _connection(name: str, kind: str) -> Section:
    identity = str(uuid5(NAMESPACE_DNS, f"{name}.homedispatch.org"))
    made: Section = {"id": name, "uuid": identity, "type": kind, "interface-name": name, "autoconnect-retries": 0}
    return made | ({"autoconnect-priority": FIRST[name]} if name in FIRST else {})


def _standing(number: int) -> Sections:
    ipv4: Section = {"method": "manual", "address1": f"{host(CARRIED, number)}/32"}
    for index, network in enumerate((*(tunnel.network for tunnel in ALL), CARRIED), 1):
        ipv4[f"route{index}"] = f"{network}/{PREFIX},0.0.0.0,{LAST_METRIC}"
        ipv4[f"route{index}_options"] = "type=unreachable"
    return {"connection": _connection(STANDING, "dummy"), "ipv4": ipv4, "ipv6": {"method": "disabled"}}


def _tunnel(tunnel: Tunnel, number: int, hub: str, private: str, public: str) -> Sections:
    peer = tunnels.unit_peer(tunnel, hub, public)
    wireguard: Section = {
        "private-key": private,
        "mtu": tunnel.mtu,
        "peer-routes": "false",
        "ip4-auto-default-route": 0,
    }
    wireguard |= {"fwmark": tunnel.mark} if tunnel.mark else {}
    wireguard |= {"listen-port": tunnel.port} if tunnel is tunnels.VOICE else {}
    at: Section = {"endpoint": peer.endpoint, "allowed-ips": ";".join(peer.allowed) + ";"}
    at |= {"persistent-keepalive": peer.keepalive_s} if peer.keepalive_s else {}
    return {
        "connection": _connection(tunnel.interface, "wireguard"),
        "wireguard": wireguard,
        f"wireguard-peer.{public}": at,
        "ipv4": _addresses(tunnel, number),
        "ipv6": {"method": "disabled"},
        **({"tc": MIRROR} if tunnel is WIRED else {}),
    }


def _addresses(tunnel: Tunnel, number: int) -> Section:
    own = host(tunnel.network, number)
    found: Section = {
        "method": "manual",
        "address1": f"{own}/32",
        "route1": f"{tunnel.network}/{PREFIX}",
        "route1_options": f"src={own}",
    }
    if tunnel is WIRED:
        found |= {"route2": f"{CARRIED}/{PREFIX}", "route2_options": f"src={host(CARRIED, number)}"}
    if tunnel.mark:
        marked = f"from 0.0.0.0/0 fwmark {tunnel.mark:#x}"
        found["routing-rule1"] = f"priority {tunnel.mark} {marked} table {tunnel.mark}"
        found["routing-rule2"] = f"priority {tunnel.mark + UNREACHABLE_OFFSET} {marked} type unreachable"
    return found
