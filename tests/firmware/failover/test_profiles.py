"""The tunnels' profiles, read by the real NetworkManager and told back."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from firmware.failover import profiles
from firmware.failover.tunnels import ALL
from hw.cables.topology import run
from tests.hw.cables.ground import Ground

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("NetworkManager"), reason="needs NetworkManager; run in bench/machine/enter"
)


async def told(ground: Ground, name: str, *fields: str) -> list[str]:
    """What NetworkManager says of one profile, a line a field."""
    return (await ground.unit("nmcli", "--escape", "no", "-g", ",".join(fields), "connection", "show", name)).split(
        "\n"
    )


async def test_networkmanager_reads_every_profile_as_meant(tmp_path: Path) -> None:
    async with Ground(tmp_path, tunnels=False) as ground:
        keys = {tunnel.interface: (await run("wg", "genkey")).strip() for tunnel in ALL}
        public = {name: (await run("wg", "pubkey", given=key)).strip() for name, key in keys.items()}
        for name, text in profiles.keyfiles(1, "203.0.113.1", keys, public).items():
            file = tmp_path / "networkmanager" / "profiles" / name
            file.touch(mode=0o600)
            file.write_text(text)
        await ground.unit("nmcli", "connection", "reload")
        for tunnel in ALL:
            kind, mark, mtu = (
                await told(ground, tunnel.interface, "connection.type", "wireguard.fwmark", "wireguard.mtu")
            )[:3]
            assert (kind, int(mark, 0), mtu) == ("wireguard", tunnel.mark or 0, str(tunnel.mtu))
        marked = "from 0.0.0.0/0 fwmark 0x65"
        assert (await told(ground, "wg-a", "ipv4.addresses", "ipv4.routes", "ipv4.routing-rules"))[:3] == [
            "10.82.0.2/32",
            "10.82.0.0/16 src=10.82.0.2, 10.81.0.0/16 src=10.81.0.2",
            f"priority 101 {marked} table 101, priority 201 {marked} type unreachable",
        ]
        assert (await told(ground, "wg-a", "tc.qdiscs", "tc.tfilters"))[:2] == [
            "root handle 1: prio",
            "parent 1: matchall action mirred dev wg-b egress mirror",
        ]
        for name, priority in ((profiles.STANDING, "20"), ("wg-b", "10"), ("wg-a", "0")):
            assert (await told(ground, name, "connection.autoconnect-priority"))[0] == priority
        address, routes = (await told(ground, profiles.STANDING, "ipv4.addresses", "ipv4.routes"))[:2]
        assert address == "10.81.0.2/32"
        assert routes.split(", ") == [
            f"{network}/16 9999 type=unreachable"
            for network in ("10.79.0.0", "10.82.0.0", "10.83.0.0", "10.80.0.0", "10.81.0.0")
        ]


async def test_networkmanager_reads_the_lte_profile_as_meant(tmp_path: Path) -> None:
    async with Ground(tmp_path, tunnels=False) as ground:
        at = tmp_path / "networkmanager" / "profiles"
        for apn, roaming, home_only in (("agency.example", False, "yes"), ("other.example", True, "no")):
            for name, text in profiles.mobile(apn, "web", r"se;c\ret", roaming).items():
                (at / name).touch(mode=0o600)
                (at / name).write_text(text)
            await ground.unit("nmcli", "connection", "reload")
            fields = ("connection.type", "connection.autoconnect", "gsm.apn", "gsm.username", "gsm.home-only")
            assert (await told(ground, "lte", *fields))[:5] == ["gsm", "yes", apn, "web", home_only]
            words = ("nmcli", "--escape", "no", "-s", "-g", "gsm.password", "connection", "show", "lte")
            async with asyncio.timeout(20):
                while not (
                    secret := (await ground.unit(*words)).strip()
                ):  # secrets are asked for apart, and may be late
                    pass
            assert secret == r"se;c\ret"


def test_the_peer_is_the_hub_and_lte_is_left_asleep() -> None:
    made = profiles.keyfiles(7, "203.0.113.1", *({tunnel.interface: key for tunnel in ALL} for key in ("PRI", "PUB")))
    assert (
        "[wireguard-peer.PUB]\nendpoint=203.0.113.1:51821\nallowed-ips=10.82.0.1/32;10.81.0.1/32;\n"
        in (made["wg-a.nmconnection"])
    )
    assert "persistent-keepalive" not in made["wg-b.nmconnection"]
    assert "endpoint=10.81.0.1:51823" in made["wg-voice.nmconnection"]
    assert "address1=10.80.0.8/32" in made["wg-voice.nmconnection"]
