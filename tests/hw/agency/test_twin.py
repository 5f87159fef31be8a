"""The agency's twin alone: what it takes, what it says, and that nothing of it is left."""

import shutil
import subprocess
import uuid
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hw.agency import speech
from hw.agency.twin import AgencyTwin
from hw.headset import sound

NEEDED = ("baresip", "kamailio", "espeak-ng", "socat", "ip", "pulseaudio")
MISSING = [name for name in NEEDED if not shutil.which(name)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}; run inside bench/machine/enter")
HUB = "10.79.0.1"


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with the hub's address on a cable that leads nowhere."""
    name = f"a{uuid.uuid4().hex[:6]}"
    for line in (
        *(f"netns add {name}", f"-n {name} link set lo up", f"-n {name} link add hub0 type veth peer name nowhere"),
        *(f"-n {name} addr add {HUB}/16 dev hub0", f"-n {name} link set hub0 up", f"-n {name} link set nowhere up"),
    ):
        subprocess.run(["ip", *line.split()], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], check=True)


def processes(namespace: str) -> list[str]:
    found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.fixture
async def agency(tmp_path: Path, namespace: str) -> AsyncIterator[AgencyTwin]:
    twin = AgencyTwin(tmp_path, HUB, prefix=("nsenter", f"--net=/run/netns/{namespace}"))
    await twin.start()
    yield twin
    await twin.close()


@pytest.mark.parametrize("body", [{}, {"action": "sing"}, {"action": "ring", "loud": True}, {"ring": 1}])
async def test_what_it_does_not_know_is_refused_in_one_line(agency: AgencyTwin, body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r'^call: .* send \{"action": "ring"\}') as refused:
        await agency.command(body)
    assert "\n" not in str(refused.value)
    assert agency.state()["state"] == "idle"


async def test_a_unit_that_is_not_registered_is_not_found_and_can_be_rung_again(agency: AgencyTwin) -> None:
    for _ in range(2):
        await agency.command({"action": "ring"})
        await agency.ended()
        assert agency.state() == {"state": "idle", "heard_rms": None, "saying": None, "last_end": "404 Not Found"}


async def test_closed_nothing_of_it_is_left(tmp_path: Path, namespace: str) -> None:
    twin = AgencyTwin(tmp_path, HUB, prefix=("nsenter", f"--net=/run/netns/{namespace}"))
    await twin.start()
    assert len(processes(namespace)) >= 3
    await twin.close()
    assert processes(namespace) == []


def test_what_it_says_is_speech_of_the_length_asked_for(tmp_path: Path) -> None:
    speech.write(tmp_path / "said.wav", 5.0)
    with wave.open(str(tmp_path / "said.wav")) as said:
        assert (said.getframerate(), said.getnchannels(), said.getnframes()) == (16_000, 1, 80_000)
        assert sound.rms(said.readframes(80_000)) > 0.03
