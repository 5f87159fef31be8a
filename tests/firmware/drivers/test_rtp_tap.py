"""The RTP tap on a real cable: what passes the filter, when it came, and nothing else."""

import json
import shutil
import struct
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.drivers.rtp_tap import TapError, interface_of

pytestmark = pytest.mark.skipif(not shutil.which("ip"), reason="ip is not here; run inside bench/machine/enter")

SAID = """
import json, socket, sys
from firmware.drivers.rtp_tap import RtpTap
tap = RtpTap("10.79.1.1", 16384, 16483)
print("listening", flush=True)
sys.stdin.readline()
print(json.dumps([[at, port, data.hex()] for at, port, data in tap.packets()]), flush=True)
"""


@pytest.fixture
def cable() -> Iterator[tuple[str, str]]:
    tag = uuid.uuid4().hex[:6]
    unit, hub = f"t{tag}", f"s{tag}"
    for line in (
        *(f"netns add {unit}", f"netns add {hub}", f"link add {unit} netns {unit} type veth peer {hub} netns {hub}"),
        *(f"-n {unit} addr add 10.79.1.1/24 dev {unit}", f"-n {hub} addr add 10.79.1.2/24 dev {hub}"),
        *(f"-n {unit} link set {unit} up", f"-n {hub} link set {hub} up"),
    ):
        subprocess.run(["ip", *line.split()], check=True)
    yield unit, hub
    for name in (unit, hub):
        subprocess.run(["ip", "netns", "del", name], check=True)


SEND = """
import socket, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port, data in zip(sys.argv[1::2], sys.argv[2::2]):
    out.sendto(bytes.fromhex(data), ("10.79.1.1", int(port)))
"""


def test_rtp_of_these_ports_is_heard_with_its_time_and_nothing_else(cable: tuple[str, str]) -> None:
    unit, hub = cable
    rtp = struct.pack("!BBHII", 0x80, 111, 7, 960, 9).hex() + "00" * 100
    tap = subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{unit}", sys.executable, "-c", SAID],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    with tap:
        assert tap.stdin and tap.stdout and tap.stdout.readline() == "listening\n"
        sent = ["16384", rtp, "16385", rtp, "16383", rtp, "16484", rtp, "16482", rtp]
        subprocess.run(["nsenter", f"--net=/run/netns/{hub}", sys.executable, "-c", SEND, *sent], check=True)
        tap.stdin.write("\n")
        tap.stdin.flush()
        heard = json.loads(tap.stdout.readline())
    assert [port for _, port, _ in heard] == [16_384, 16_482]
    assert all(bytes.fromhex(data)[:12].hex() == rtp[:24] for _, _, data in heard)
    assert 0 <= heard[1][0] - heard[0][0] < 5


def test_an_address_that_is_not_here_says_so() -> None:
    with pytest.raises(TapError, match=r"no interface has 192\.0\.2\.1; is the tunnel up"):
        interface_of("192.0.2.1")


def test_loopback_is_an_interface_like_another() -> None:
    assert interface_of("127.0.0.1") == "lo"


def test_without_the_right_to_listen_it_says_which_one(cable: tuple[str, str]) -> None:
    """A packet socket needs CAP_NET_RAW; here it is taken away from the process for good."""
    bare = ["nsenter", f"--net=/run/netns/{cable[0]}", "setpriv", "--bounding-set=-net_raw", sys.executable, "-c", SAID]
    refused = subprocess.run(bare, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert refused.returncode == 1
    assert "the service needs CAP_NET_RAW" in refused.stderr
