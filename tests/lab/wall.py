"""A machine in QEMU as a bench has a board: a command that is its plug, a port that is its console (wall.yaml).

python -m tests.lab.wall on|off FOLDER
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from image import machine
from image.tools import Tools

COMMAND, PID = "plug.json", "plug.pid"
START_S = 60.0


@contextmanager
def stands(work: Path, tools: Tools) -> Iterator[None]:
    """The card in `work` in a machine that is off, and the environment's words for it; at the end it is off again."""
    port = free_port()
    console = f"tcp:127.0.0.1:{port},server=on,wait=on"
    words = [console if word == "stdio" else word for word in machine.MACHINE]
    command = tools.command(work, [*words, *machine.QUICK, *machine.card_slot("card.img"), *machine.network()])
    (work / COMMAND).write_text(json.dumps({"port": port, "command": command}))
    os.environ |= {"LG_CONSOLE": str(port), "LG_PYTHON": sys.executable, "LG_MACHINE": str(work)}
    try:
        yield
    finally:
        off(work)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def on(work: Path) -> None:
    """Returns as soon as its console can be had; it says nothing before somebody listens."""
    found = json.loads((work / COMMAND).read_text())
    with (work / "qemu.txt").open("wb") as said:
        process = subprocess.Popen(
            found["command"], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    (work / PID).write_text(str(process.pid))
    ends = time.monotonic() + START_S
    while not listens(found["port"]):
        if process.poll() is not None or time.monotonic() > ends:
            sys.exit(f"wall: no console at port {found['port']}: {(work / 'qemu.txt').read_text()[-300:]}")
        time.sleep(0.05)


def off(work: Path) -> None:
    """As a pulled plug; nothing where it is off."""
    if not (work / PID).exists():
        return
    with suppress(ProcessLookupError):
        os.killpg(int((work / PID).read_text()), signal.SIGKILL)
    (work / PID).unlink()
    while listens(json.loads((work / COMMAND).read_text())["port"]):
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Whether somebody does, without a call that would be taken for the one that is waited for."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return any(line[1] == f"0100007F:{port:04X}" and line[3] == "0A" for line in lines)


if __name__ == "__main__":
    {"on": on, "off": off}[sys.argv[1]](Path(sys.argv[2]))
