"""The responder as a process: it answers units and nobody else, and nothing makes it stop."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.failover import probing
from firmware.failover.probing import Probe

SITE = os.urandom(32)
UNIT = probing.identity("hdu-0001")
BOUND_S = 10.0


@pytest.fixture
def responder(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """One on a port of its own."""
    key = tmp_path / "key"
    key.write_text(SITE.hex())
    argv = [sys.executable, "-m", "hub.responder", "--key", str(key), "--bind", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield "127.0.0.1", int(process.stdout.readline().rsplit(":", 1)[1])
        process.terminate()
        assert process.wait(BOUND_S) == 0


def asked(at: tuple[str, int], datagram: bytes, bound_s: float) -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.settimeout(bound_s)
        here.sendto(datagram, at)
        try:
            return here.recv(256)
        except TimeoutError:
            return None


def good() -> bytes:
    return probing.ask(Probe(UNIT, 1, time.time_ns() // 1000, os.urandom(4)), probing.unit_key(SITE, UNIT))


def test_a_unit_is_answered_and_knows_it_is_the_hub(responder: tuple[str, int]) -> None:
    datagram = good()
    answer = probing.answered(asked(responder, datagram, BOUND_S) or b"", datagram, probing.unit_key(SITE, UNIT))
    assert answer is not None
    assert answer.fresh


def test_noise_gets_nothing_and_harms_nothing(responder: tuple[str, int]) -> None:
    chance = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.setblocking(False)
        for _ in range(2_000):
            datagram = chance.randbytes(chance.randrange(0, 1_400))
            here.sendto(datagram, responder)
            here.sendto((forged := good())[:-1] + bytes([forged[-1] ^ 1]), responder)
        assert asked(responder, good(), BOUND_S) is not None
        with pytest.raises(BlockingIOError):
            while here.recv(256):
                raise AssertionError("the responder answered noise")


@pytest.mark.parametrize("text", ["", "not hex"])
def test_a_bad_key_is_one_line_and_status_2(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    argv = [sys.executable, "-m", "hub.responder", "--key", str(tmp_path / "key"), "--bind", "127.0.0.1", "--port", "0"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "provision" in done.stderr
