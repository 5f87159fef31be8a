"""A stranger on an uplink hears nothing; what the unit began comes back."""

import os
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from firmware.failover.firewall import ruleset
from hw.cables import namespace

UNIT, STRANGER = f"f{os.getpid()}-unit", f"f{os.getpid()}-out"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@pytest.fixture
def cable() -> Iterator[None]:
    """A unit and a stranger on one cable, the ruleset loaded twice (as after a restart)."""
    if not Path("/run/netns").exists():
        pytest.skip("needs namespaces: run by bench/machine/enter")
    for name in (UNIT, STRANGER):
        ip("netns", "add", name)
    try:
        ip("link", "add", "eth0", "netns", UNIT, "type", "veth", "peer", "name", "eth0", "netns", STRANGER)
        for name, address in ((UNIT, "10.9.9.1/24"), (STRANGER, "10.9.9.2/24")):
            ip("-n", name, "addr", "add", address, "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
        for _ in range(2):
            subprocess.run(namespace.command(UNIT, "nft", "-f", "-"), input=ruleset(["eth0"]), text=True, check=True)
        yield
    finally:
        for name in (UNIT, STRANGER):
            ip("netns", "del", name)


def listening(kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    made.bind(("0.0.0.0", 0))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def asked(kind: socket.SocketKind, port: int) -> str:
    """What a stranger gets who asks a port of the unit."""
    with socket.socket(socket.AF_INET, kind) as out:
        out.settimeout(0.5)
        try:
            out.connect(("10.9.9.1", port))
            out.send(b"hello")
            out.recv(1)
        except TimeoutError:
            return "silence"
        except ConnectionRefusedError:
            return "refused"
    return "an answer"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_stranger_hears_nothing_open_or_not(cable: None, kind: socket.SocketKind) -> None:
    with namespace.within(UNIT, lambda: listening(kind)) as at:
        port = at.getsockname()[1]
        assert [namespace.within(STRANGER, partial(asked, kind, each)) for each in (port, 9)] == ["silence", "silence"]


def test_what_the_unit_began_comes_back(cable: None) -> None:
    with namespace.within(STRANGER, lambda: listening(socket.SOCK_DGRAM)) as far:
        own = namespace.within(UNIT, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with own:
            own.settimeout(5)
            far.settimeout(5)
            own.sendto(b"ask", ("10.9.9.2", far.getsockname()[1]))
            far.sendto(b"answer", far.recvfrom(9)[1])
            assert own.recv(9) == b"answer"
