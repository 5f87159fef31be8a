"""The numbers and texts of the tunnels, by table and by property."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.config import Site
from firmware.failover import tunnels
from firmware.failover.tunnels import ALL, CARRIED, DATA, LTE, MAX_UNITS, PREFIX, VOICE, WIRED

NUMBERS = st.integers(1, MAX_UNITS)


@given(NUMBERS, NUMBERS)
def test_every_unit_has_an_address_of_its_own_in_every_prefix(one: int, other: int) -> None:
    for network in (*(tunnel.network for tunnel in ALL), CARRIED):
        assert ip_address(tunnels.host(network, one)) in ip_network(f"{network}/{PREFIX}")
        assert (tunnels.host(network, one) == tunnels.host(network, other)) == (one == other)
        assert tunnels.host(network, one) != tunnels.host(network, 0)


@pytest.mark.parametrize("number", [-1, MAX_UNITS + 1])
def test_a_number_beyond_the_prefix_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"unit number {number}"):
        tunnels.host(DATA.network, number)


def test_the_inner_addresses_that_never_change() -> None:
    assert (DATA.hub(), DATA.unit(1), VOICE.hub(), VOICE.unit(1)) == (
        "10.79.0.1",
        "10.79.0.2",
        "10.80.0.1",
        "10.80.0.2",
    )


def test_only_the_pinned_tunnels_carry_voice() -> None:
    assert [tunnel.interface for tunnel in ALL if "10.81.0.2/32" in tunnels.allowed(tunnel, 1)] == ["wg-a", "wg-b"]


@pytest.mark.parametrize(
    ("uplinks", "expected"),
    [
        ([("eth0", "ethernet"), ("wwan0", "lte")], {"eth0": 101, "wwan0": 102}),
        ([("eth0", "ethernet"), ("eth1", "ethernet"), ("wwan0", "lte")], {"eth0": 101, "eth1": 101, "wwan0": 102}),
        ([("eth0", "ethernet"), ("eth1", "ethernet")], {"eth0": 101, "eth1": 102}),
        ([("eth0", "ethernet")], {"eth0": 101}),
        ([("wwan0", "lte")], {"wwan0": 102}),
        ([], {}),
    ],
)
def test_pins(uplinks: list[tuple[str, str]], expected: dict[str, int]) -> None:
    assert tunnels.pins(uplinks) == expected


def test_what_stands_behind_every_prefix_and_mark() -> None:
    lines = tunnels.standing_lines(1)
    for network in (*(tunnel.network for tunnel in ALL), CARRIED):
        assert f"route replace unreachable {network}/16 metric 9999" in lines
    for tunnel in (WIRED, LTE):
        behind = lines.index(
            f"rule add fwmark {tunnel.mark} unreachable pref {tunnel.mark + 100 if tunnel.mark else 0}"
        )
        assert lines.index(f"rule add fwmark {tunnel.mark} table {tunnel.mark} pref {tunnel.mark}") < behind


def test_the_hub_pins_nothing() -> None:
    assert not [line for line in tunnels.standing_lines(0) if line.startswith("rule")]


def test_a_units_settings() -> None:
    peer = tunnels.unit_peer(WIRED, "203.0.113.1", "PUBLIC")
    assert tunnels.setconf(WIRED, "PRIVATE", [peer], listen=False) == (
        "[Interface]\nPrivateKey = PRIVATE\nFwMark = 101\n[Peer]\nPublicKey = PUBLIC\n"
        "AllowedIPs = 10.82.0.1/32, 10.81.0.1/32\nEndpoint = 203.0.113.1:51821\nPersistentKeepalive = 25\n"
    )


def test_lte_has_no_keepalive_and_voice_has_its_port_at_both_ends() -> None:
    idle = tunnels.setconf(LTE, "K", [tunnels.unit_peer(LTE, "203.0.113.1", "P")], listen=False)
    assert "PersistentKeepalive" not in idle
    voice = tunnels.setconf(VOICE, "K", [tunnels.unit_peer(VOICE, "203.0.113.1", "P")], listen=False)
    assert "ListenPort = 51823" in voice
    assert "Endpoint = 10.81.0.1:51823" in voice


def test_a_site_that_says_nothing_has_broker_and_calls_in_the_tunnels_that_are_theirs() -> None:
    """The softphone listens in wg-voice: from there, nothing gets to the hub's address in wg-data."""
    site = Site()
    assert (site.hub.host, site.calls.sip_host) == (DATA.hub(), VOICE.hub())


def test_no_datagram_comes_to_lte_in_pieces() -> None:
    """3GPP TS 24.301, 6.6.4.2; WireGuard adds 32 to what it carries, UDP 8 and IPv4 20."""
    assert DATA.mtu + 60 <= 1358
    assert VOICE.mtu + 2 * 60 <= 1358
    assert VOICE.mtu + 60 <= min(WIRED.mtu, LTE.mtu)
