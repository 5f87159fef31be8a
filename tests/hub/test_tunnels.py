"""The hub's settings agree with every unit's."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.failover.tunnels import ALL, MAX_UNITS, WIRED
from hub import tunnels

UNITS = st.dictionaries(st.integers(1, MAX_UNITS), st.text("abcXYZ019+/=", min_size=3, max_size=9), max_size=20)


@given(UNITS)
def test_each_unit_is_one_peer_with_its_own_addresses_alone(units: dict[int, str]) -> None:
    for tunnel in ALL:
        peers = tunnels.configuration(tunnel, "PRIVATE", units).split("[Peer]")[1:]
        assert len(peers) == len(units)
        for number, peer in zip(sorted(units), peers, strict=True):
            assert f"PublicKey = {units[number]}\n" in peer
            assert f"{tunnel.unit(number)}/32" in peer
            assert "Endpoint" not in peer


@given(UNITS)
def test_no_address_is_allowed_to_two_units(units: dict[int, str]) -> None:
    lines = [line for line in tunnels.configuration(WIRED, "P", units).splitlines() if line.startswith("AllowedIPs")]
    addresses = [address for line in lines for address in line.removeprefix("AllowedIPs = ").split(", ")]
    assert len(addresses) == len(set(addresses)) == 2 * len(units)


def test_the_hub_listens_where_the_units_call() -> None:
    for tunnel in ALL:
        assert f"ListenPort = {tunnel.port}\n" in tunnels.configuration(tunnel, "P", {})
        assert "FwMark" not in tunnels.configuration(tunnel, "P", {})
