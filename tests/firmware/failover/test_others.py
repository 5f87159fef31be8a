"""Targets besides the hub: what is an answer, whose it is, and that nothing else is one."""

import asyncio
import os
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.failover import others
from firmware.failover.others import Others

NONCE, OURS = b"8 bytes.", 0x1234
BOUND_S = 5.0


def packet(body: bytes, source: bytes = b"\xc0\x00\x02\x01", options: bytes = b"") -> bytes:
    """An IPv4 packet (RFC 791) with `body`, as a raw socket gives it."""
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 0, 0, 0, 64, 1, 0, source, b"\x0a\x00\x00\x01")
    return head + options + body


def reply(identifier: int = OURS, nonce: bytes = NONCE, kind: int = others.ECHO_REPLY) -> bytes:
    return others.HEADER.pack(kind, 0, 0, identifier, 1) + nonce


def test_a_reply_to_ours_is_one_whatever_options_the_packet_has() -> None:
    assert others.is_reply(packet(reply()), OURS, NONCE)
    assert others.is_reply(packet(reply(), options=b"\x01" * 8), OURS, NONCE)


@pytest.mark.parametrize(
    "other", [reply(identifier=1), reply(nonce=b"another."), reply(kind=others.ECHO), reply()[:-1], reply() + b"x", b""]
)
def test_anything_else_is_not(other: bytes) -> None:
    assert not others.is_reply(packet(other), OURS, NONCE)


@given(st.binary(max_size=80))
def test_noise_is_no_reply_and_breaks_nothing(noise: bytes) -> None:
    assert not others.is_reply(noise, OURS, NONCE)


@given(st.binary(max_size=60))
def test_a_request_adds_up_to_nothing(nonce: bytes) -> None:
    """RFC 1071: the sum over a datagram with its own checksum is zero."""
    assert others.checksum(others.request(OURS, 7, nonce)) == 0


def test_who_answered_is_known() -> None:
    assert others.sender(packet(reply())) == "192.0.2.1"


async def test_the_loopback_answers_and_is_named() -> None:
    here = Others("lo")
    if here.socket is None:
        pytest.skip("needs CAP_NET_RAW; run in bench/machine/enter")
    try:
        here.ask(["127.0.0.1", "127.0.0.2"])
        found: frozenset[str] = frozenset()
        async with asyncio.timeout(BOUND_S):
            while len(found) < 2:
                found |= here.answered()
                await asyncio.sleep(0.005)
        assert found == {"127.0.0.1", "127.0.0.2"}
        assert here.answered() == frozenset()
    finally:
        here.close()


async def test_an_uplink_that_is_not_there_asks_nobody_by_another(caplog: pytest.LogCaptureFixture) -> None:
    here = Others("none9")
    here.ask(["127.0.0.1"])
    await asyncio.sleep(0.1)
    assert here.answered() == frozenset()
    assert caplog.text == "" or here.socket is None
    here.close()


def test_where_it_may_not_ask_it_says_so_once_and_nobody_answers() -> None:
    alone = ["setpriv", "--bounding-set=-net_raw"] if os.geteuid() == 0 else []
    code = f"from {others.__name__} import Others; it = Others('lo'); it.ask(['127.0.0.1']); print(it.answered())"
    ended = subprocess.run([*alone, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "frozenset()"
    assert ended.stderr.count("cannot be told from") == 1
