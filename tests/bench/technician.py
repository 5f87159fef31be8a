"""`make bench-technician`: walks docs/technician.md as it stands, a blank card to an accepted unit; prints the time.

Every command of the page is run as written, but for the folder and the port. What hands do, the twins do when the
acceptance asks for it. results/technician.json. With ARGS=FOLDER what was made stays there.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.conftest import ROOT, Client, ready, start

PAGE = ROOT / "docs" / "technician.md"
RESULTS = Path("results/technician.json")
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"^([a-z0-9 ]+): ")
BENCH, ACCEPTANCE, LONGEST_S = "make run", "--acceptance", 300.0


def hands(bench: Client) -> dict[str, Callable[[], object]]:
    """What a technician does at each step of the walk."""

    def cables(plugged: bool, *names: str) -> None:
        for name in names:
            bench.post(f"/twin/uplink/{name}", {"cable": plugged})

    def answer() -> None:
        for id in bench.open_alerts():
            bench.post("/hub/acknowledge", {"alert": id, "by": "Kim"})

    return {
        "microphone live": lambda: bench.tap("mute"),
        "mute": lambda: bench.tap("mute"),
        "mute off": lambda: bench.tap("mute"),
        "assist": lambda: bench.tap("assist"),
        "panic": lambda: bench.tap("panic"),
        "panic answered": answer,
        "headset out": lambda: bench.post("/twin/headset", {"plugged": False}),
        "headset in": lambda: bench.post("/twin/headset", {"plugged": True}),
        "wired out": lambda: cables(False, "wired"),
        "wired in": lambda: cables(True, "wired"),
        "every cable out": lambda: cables(False, "wired", "wired2"),
        "every cable in": lambda: cables(True, "wired", "wired2"),
        "mains out": lambda: bench.post("/twin/power", {"mains": False}),
        "mains in": lambda: bench.post("/twin/power", {"mains": True}),
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


class Walk:
    """The page, walked in `folder` (its `try`)."""

    def __init__(self, folder: Path, prefix: str = "tech-") -> None:
        self.folder, self.prefix = folder, prefix
        self.port = free_port()
        self.bench: Client | None = None
        self.process: subprocess.Popen[str] | None = None
        self.lifeline = -1
        self.took: list[tuple[str, float]] = []
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
            "COLUMNS": "200",
            "PORT": str(self.port),
        }

    def blocks(self) -> Iterator[str]:
        for block in BLOCK.findall(PAGE.read_text()):
            yield re.sub(r"(?<![\w./-])try\b", str(self.folder), block).replace("8911", str(self.port))

    def walk(self) -> None:
        """CalledProcessError at the first block that does not do what the page says."""
        for block in self.blocks():
            began = time.monotonic()
            if block.startswith(BENCH):
                self.run_bench()
            elif ACCEPTANCE in block:
                self.accept(block)
            else:
                self.run(block)
            self.took.append(
                (block.strip().splitlines()[-1].replace(str(self.folder), "try"), time.monotonic() - began)
            )
            print(f"{self.took[-1][1]:7.1f} s  {self.took[-1][0][:100]}", flush=True)

    def run(self, block: str) -> None:
        subprocess.run(["bash", "-ec", block], cwd=ROOT, env=self.environment, check=True, timeout=LONGEST_S)

    def run_bench(self) -> None:
        self.process, self.bench, self.lifeline = start(self.prefix, "--provisioned", str(self.folder), port=self.port)
        ready(self.process)

    def accept(self, block: str) -> None:
        """Does what is asked; CalledProcessError where the unit is not accepted."""
        assert self.bench is not None
        act = hands(self.bench)
        words = ["bash", "-ec", block]
        with subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True) as walked:
            assert walked.stdout
            for line in walked.stdout:
                print("  |", line, end="", flush=True)
                if (asked := ASKED.match(line)) and asked[1] in act:
                    act[asked[1]]()
        if walked.returncode:
            raise subprocess.CalledProcessError(walked.returncode, words)

    def close(self) -> None:
        if self.process is not None:
            os.close(self.lifeline)
            self.process.wait(30)


def main() -> None:
    kept = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else None
    folder = kept or Path(tempfile.mkdtemp(prefix="technician-"))
    walk = Walk(folder)
    began = time.monotonic()
    try:
        walk.walk()
    except subprocess.CalledProcessError as error:
        sys.exit(f"bench-technician: the page fails here: {error}")
    finally:
        walk.close()
        if kept is None:
            shutil.rmtree(folder)
    took_s = time.monotonic() - began
    print(f"{took_s:7.1f} s  a blank card to an accepted unit")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"took_s": took_s, "steps": walk.took}, indent=1) + "\n")


if __name__ == "__main__":
    main()
