"""How long this machine itself stood still: the longest oversleep of a process that only sleeps.

A virtual machine is stopped by its host now and then (steal, proc(5)); no figure of milliseconds means anything without
knowing it. `python -m tests.bench.stalls` answers each line on its input with the longest pause since the last, in ms.
"""

import asyncio
import os
import select
import subprocess
import sys
import time

EVERY_S = 0.005


class Stalls:
    """The sleeper beside a measurement; `longest_ms` since it was last asked."""

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.stalls", stdin=pipe, stdout=pipe
        )
        await self.longest_ms()

    async def longest_ms(self) -> float:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(b"\n")
        return float(await self._child.stdout.readline())

    async def close(self) -> None:
        self._child.kill()
        await self._child.wait()


class Sleeper:
    """The same for a measurement that does not run in a loop."""

    def __init__(self) -> None:
        argv = [sys.executable, "-m", "tests.bench.stalls"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def longest_ms(self) -> float:
        """Since it was asked last."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def main() -> None:
    last, longest = time.monotonic(), 0.0
    while True:
        asked = select.select([sys.stdin], [], [], EVERY_S)[0]
        now = time.monotonic()
        last, longest = now, max(longest, now - last)
        if asked:
            if not os.read(0, 64):
                return
            print(round(max(longest - EVERY_S, 0.0) * 1000, 1), flush=True)
            longest = 0.0


if __name__ == "__main__":
    main()
