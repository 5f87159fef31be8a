"""One bench for all tests of it, inside the namespaces that the tests already run in."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
READY_S, BOUND_S = 90.0, 20.0


class Client:
    """A person with a browser, as far as HTTP goes."""

    def __init__(self, port: int) -> None:
        self.port, self.root = port, f"http://127.0.0.1:{port}"
        self.folder = ROOT / ".run" / str(port)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.root + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        request = urllib.request.Request(self.root + path, data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def refusal(self, path: str, body: bytes) -> tuple[int, str]:
        """Status and text of a call that must be refused."""
        request = urllib.request.Request(self.root + path, data=body, method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        return caught.value.code, caught.value.read().decode()

    def tap(self, button: str) -> None:
        self.post("/twin/panel", {"button": button, "action": "press"})
        time.sleep(0.05)  # a finger, not a wait: no press is shorter
        self.post("/twin/panel", {"button": button, "action": "release"})

    def until(self, what: str, holds: Callable[[], Any], bound_s: float = BOUND_S) -> Any:
        """What `holds` returns once it is true; fails in words after `bound_s`."""
        ends = time.monotonic() + bound_s
        while not (found := holds()):
            assert time.monotonic() < ends, f"not within {bound_s:g} s: {what}; the unit says {self.get('/unit.json')}"
            time.sleep(0.02)
        return found

    def open_alerts(self) -> dict[str, Any]:
        return {each["id"]: each for each in self.get("/hub.json")["alerts"] if not each["acknowledged_by"]}

    def try_post(self, path: str, body: object) -> bool:
        """Whether it was taken; a part that is dead just now is no failure."""
        try:
            self.post(path, body)
        except (OSError, ValueError):
            return False
        return True

    def try_all_alerts(self) -> list[str]:
        try:
            return [each["id"] for each in self.get("/hub.json")["alerts"]]
        except (OSError, ValueError):
            return []

    def try_open_alerts(self) -> list[str]:
        try:
            return sorted(self.open_alerts())
        except (OSError, ValueError):
            return []

    def get_services(self) -> list[str]:
        """Every process of the bench by name, from the first picture of the page's events."""
        with urllib.request.urlopen(f"{self.root}/events", timeout=10) as events:
            return list(json.loads(events.readline().removeprefix(b"data: "))["services"])

    def answer_all(self) -> bool:
        """Whether none is open; a console whose broker has just come back refuses at first."""
        for id in self.open_alerts():
            self.try_post("/hub/acknowledge", {"alert": id, "by": "the tests"})
        return not self.open_alerts()

    def heal(self) -> None:
        """Everything well again, and every alert answered."""
        for name in ("wired", "wired2", "lte"):
            self.post(f"/twin/uplink/{name}", {"heal": True})
        self.post("/twin/panel", {"line": "panic", "fault": "none"})
        for name in ("power", "headset", "modem"):
            self.post(f"/twin/{name}", {"heal": True})
        self.until("every alert is answered", self.answer_all)
        self.until("the unit is on the hub", lambda: self.get("/unit.json")["hub"]["connected"])


def start(prefix: str, *options: str, port: int = 0) -> tuple[subprocess.Popen[str], Client, int]:
    """A bench as a process of its own, and the end of its lifeline that keeps it."""
    page = socket.create_server(("127.0.0.1", port))
    port, (inner, outer) = page.getsockname()[1], os.pipe()
    command = [sys.executable, "-m", "bench.inside", "--socket", str(page.fileno()), "--lifeline", str(inner)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--prefix", prefix, *options],
        cwd=ROOT,
        pass_fds=(page.fileno(), inner),
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(inner)
    page.close()
    return process, Client(port), outer


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    words = process.stdout.readline()
    assert words.startswith("bench ready:"), f"the bench did not come up: {words}"


@contextmanager
def begun(letter: str, *options: str) -> Iterator[Client]:
    """A bench of one's own, ready; `letter` tells its network namespaces from those of other benches."""
    process, client, lifeline = start(f"{letter}{os.getpid()}-", *options)
    with process:
        try:
            ready(process)
            yield client
        finally:
            os.close(lifeline)
            process.wait(30)


@pytest.fixture(scope="session")
def running() -> Iterator[Client]:
    if not (shutil.which("NetworkManager") and shutil.which("mosquitto") and Path("/run/netns").exists()):
        pytest.skip("needs the unpacked packages and namespaces: run by bench/machine/enter")
    with begun("t") as client:
        yield client


@pytest.fixture
def bench(running: Client) -> Iterator[Client]:
    """The bench with everything well."""
    running.heal()
    yield running
    running.heal()
