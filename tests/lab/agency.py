"""The agency's side of the lab, and all of it real: its authority, mosquitto, the supervisors' console, its releases.

They listen on this machine's loopback, which to the guest is 10.0.2.2. mosquitto is Debian's, unpacked and entered as
for the bench (bench/machine/enter), with this machine's network.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench import releases
from hub import authority, broker
from image.places import CHECKOUT
from tests.lab.rehearsal import NAME
from tests.lab.supervisors import Supervisors
from tests.lab.web import shelf

HUB, HERE = "10.0.2.2", "127.0.0.1"
MACHINE = CHECKOUT / "bench" / "machine"
START_S, STATION_S = 20.0, 5.0


class Agency(Supervisors):
    """`port` is the broker's. Nothing of it is up until `broker` and `console` are entered."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.at = folder, free_port(), free_port()
        self.repository, self.url = folder / "repository", ""
        self.tls = authority.make(folder / "tls", (HUB, HERE), (NAME,)).folder

    def unit(self) -> dict[str, str]:
        """What provisioning puts into a unit's folder `tls`, by name."""
        return {file.name: file.read_text() for file in (self.tls / "units" / NAME).iterdir()}

    @contextmanager
    def broker(self) -> Iterator[None]:
        argv = broker.write(self.folder / "broker", HERE, self.port, self.tls / "broker")
        root = (CHECKOUT / ".packages").read_text().strip()
        with running([str(MACHINE / "enter"), "--online", root, *argv], lambda: answers(self.port)):
            yield

    @contextmanager
    def console(self) -> Iterator[None]:
        words = ("--port", str(self.at), "--mqtt", f"{HERE}:{self.port}", "--tls", str(self.tls / "console"))
        with running([sys.executable, "-m", "hub.console", *words], lambda: answers(self.at)):
            yield

    def asked(self, what: str, body: object = None) -> Any:
        """What the console says to a GET, or to a POST of `body`; HTTPError with its line where it refuses."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://{HERE}:{self.at}/{what}", data, STATION_S) as answer:
            return json.loads(answer.read())

    def settings(self, version: str, text: str) -> None:
        """Published for every unit."""
        releases.site(self.repository, version, urgent=True, settings=text)


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HERE, 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex((HERE, port)) == 0


@contextmanager
def running(command: list[str], up: Callable[[], bool]) -> Iterator[None]:
    """That process, from when it is `up` to the block's end."""
    process, ends = subprocess.Popen(command, cwd=CHECKOUT), time.monotonic() + START_S
    try:
        while not up():
            assert process.poll() is None and time.monotonic() < ends, f"{command[-1]}: not up within {START_S:g} s"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def agency(folder: Path) -> Iterator[Agency]:
    made = Agency(folder)
    with ExitStack() as stack:
        stack.enter_context(made.broker())
        stack.enter_context(made.console())
        releases.make(made.repository)
        made.url = stack.enter_context(shelf(made.repository / "public")).address
        yield made
