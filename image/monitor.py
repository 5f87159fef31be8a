"""A running QEMU by its monitor (QMP over a Unix socket): stop, save, pull a cable, plug something in."""

import json
import socket
import time
from pathlib import Path
from typing import Any

from image.places import BuildError

ANSWER_S = 60.0


class Monitor:
    """One connection; BuildError where QEMU refuses, with its own words."""

    def __init__(self, at: Path) -> None:
        self._socket = connected(at, ANSWER_S)
        self._lines = self._socket.makefile("r")
        self._next()
        self("qmp_capabilities")

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def __call__(self, command: str, **arguments: Any) -> Any:
        """What QEMU answers; events that come in between are passed over."""
        words = {"execute": command, "arguments": {name.replace("_", "-"): value for name, value in arguments.items()}}
        self._socket.sendall(json.dumps(words).encode() + b"\n")
        while True:
            answer = self._next()
            if "error" in answer:
                raise BuildError(f"image: QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def until(self, command: str, key: str, wanted: str, bound_s: float) -> None:
        """Asks until `key` of the answer is `wanted`; BuildError after the bound, or where it says `failed`."""
        ends = time.monotonic() + bound_s
        while (now := self(command).get(key)) != wanted:
            if now == "failed" or time.monotonic() > ends:
                raise BuildError(f"image: {command} says {key} {now}, not {wanted}, after {bound_s:g} s")
            time.sleep(0.05)

    def _next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._lines.readline() or '{"error": {"desc": "it is gone"}}')
        return found


def connected(at: Path, bound_s: float) -> socket.socket:
    """A Unix socket that QEMU serves as soon as it is up; BuildError after the bound."""
    ends = time.monotonic() + bound_s
    while True:
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(bound_s)
        try:
            found.connect(str(at))
        except OSError as error:
            found.close()
            if time.monotonic() > ends:
                raise BuildError(f"image: {at} does not answer within {bound_s:g} s: {error}") from error
            time.sleep(0.05)
        else:
            return found
