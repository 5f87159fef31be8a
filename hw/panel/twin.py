"""The panel's hardware: buttons with contacts, lamps that are looked at. Below the driver, and outlives the service.

`PanelTwin` is the hardware, in the bench's process, on the Unix socket FOLDER/panel.sock; `TwinFactory` (factory.py) is
the pin factory in the panel's process that reaches it (HDU_PANEL_TWIN = that socket). One JSON object a line:
to the factory `{"gpio": 17, "closed": true, "at": 12.5}` at each edge (CLOCK_MONOTONIC), and as the answer to
`{"read": N}` `{"read": N, "levels": {"17": true}}`; from the factory `{"gpio": 5, "lit": true}`. When the factory's
process is gone its outputs float: dark.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from random import Random
from typing import Any, cast

from hw.panel import switches
from hw.panel.factory import TwinFactory
from hw.panel.pins import CONTACTS, LAMPS, pins
from hw.panel.recognise import Watched

__all__ = ["PanelTwin", "TwinFactory"]
COLOURS = {(False, False): "off", (True, False): "green", (False, True): "red", (True, True): "amber"}


class PanelTwin:
    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.socket = folder / "panel.sock"
        self.dice = Random(seed)
        self.closed = {contact: switches.at_rest(contact) for contact in CONTACTS}
        self.faults: dict[str, switches.Fault] = dict.fromkeys(CONTACTS, "none")
        self.held = dict.fromkeys(switches.BUTTONS, False)
        self.deaf = False
        self.moved_at: float | None = None
        self.lamps = {lamp: Watched(time.monotonic()) for lamp in LAMPS}
        self.wanted: dict[str, asyncio.Queue[bool]] = {button: asyncio.Queue() for button in switches.BUTTONS}
        self.fingers: list[asyncio.Task[None]] = []
        self.writer: asyncio.StreamWriter | None = None
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.server = await asyncio.start_unix_server(self._serve, self.socket)
        self.fingers = [asyncio.create_task(self._finger(button)) for button in switches.BUTTONS]

    async def close(self) -> None:
        for finger in self.fingers:
            finger.cancel()
        if self.server:
            self.server.close()
        if self.writer:
            self.writer.close()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()
        self.socket.unlink(missing_ok=True)

    def state(self) -> dict[str, object]:
        """`lamps` are patterns recognised from what was measured, `lit` what is lit now; `moved_at` (Unix time) is when
        a finger last began to move a contact."""
        now = time.monotonic()
        lit = {lamp: watched.lit for lamp, watched in self.lamps.items()}
        return {
            "lamps": {
                "panic": self.lamps["panic_lamp"].shown(now),
                "mute": self.lamps["mute_lamp"].shown(now),
                "safe": COLOURS[lit["safe_green"], lit["safe_red"]],
            },
            "lit": {
                "panic": lit["panic_lamp"],
                "mute": lit["mute_lamp"],
                "green": lit["safe_green"],
                "red": lit["safe_red"],
            },
            "buttons": {button: "pressed" if held else "released" for button, held in self.held.items()},
            "faults": dict(self.faults),
            "moved_at": self.moved_at,
        }

    async def command(self, body: dict[str, object]) -> None:
        """Press and release, break and heal a wire, or `{"edges": "lost"|"seen"}`: a controller that loses edges."""
        keys = set(body)
        if keys == {"button", "action"}:
            button, action = _one_of(body, "button", switches.BUTTONS), _one_of(body, "action", ("press", "release"))
            self._press(button, action == "press")
        elif keys == {"line", "fault"}:
            line = _one_of(body, "line", switches.LINES)
            self._wire(switches.broken(line, cast(switches.Fault, _one_of(body, "fault", ("cut", "short", "none")))))
        elif keys == {"edges"}:
            self.deaf = _one_of(body, "edges", ("lost", "seen")) == "lost"
        else:
            got = ", ".join(sorted(keys)) or "nothing"
            raise ValueError(f"panel: takes button and action, or line and fault, or edges; got {got}")

    def _press(self, button: str, pressed: bool) -> None:
        if self.held[button] != pressed:
            self.held[button] = pressed
            self.wanted[button].put_nowait(pressed)

    async def settled(self) -> None:
        """Every movement asked for has been made."""
        for wanted in self.wanted.values():
            await wanted.join()

    async def _finger(self, button: str) -> None:
        """Moves the contacts as asked, each movement after the one before; no finger is faster than PRESS_S.

        The edges of one movement are told together when it ends, each with its own time, as from a controller's queue:
        a bench that is slow must not make a bounce longer than it was.
        """
        while True:
            pressed = await self.wanted[button].get()
            start, self.moved_at = time.monotonic(), time.time()
            moves = switches.movement(button, pressed, self.dice)
            await asyncio.sleep(moves[-1][0])
            for after_s, contact, closed in moves:
                self._contact(contact, closed, start + after_s)
            await asyncio.sleep(switches.PRESS_S)
            self.wanted[button].task_done()

    def _contact(self, contact: str, closed: bool, at: float) -> None:
        before = self._level(contact)
        self.closed[contact] = closed
        self._tell(contact, before, at)

    def _wire(self, faults: dict[str, switches.Fault]) -> None:
        for contact, fault in faults.items():
            before = self._level(contact)
            self.faults[contact] = fault
            self._tell(contact, before, time.monotonic())

    def _level(self, contact: str) -> bool:
        return switches.electrical(self.closed[contact], self.faults[contact])

    def _tell(self, contact: str, before: bool, at: float) -> None:
        if self._level(contact) != before and not self.deaf:
            self._send({"gpio": pins().contact[contact].gpio, "closed": self._level(contact), "at": at})

    def _send(self, message: dict[str, object]) -> None:
        if self.writer and not self.writer.is_closing():
            self.writer.write(json.dumps(message).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One factory at a time; a new one takes the panel over."""
        if self.writer:
            self.writer.close()
        self.writer = writer
        self._dark()
        self._send({"read": 0, "levels": self._levels()})
        try:
            while line := await reader.readline():
                self._receive(json.loads(line))
        except (OSError, ValueError):
            writer.close()
        finally:
            if self.writer is writer:
                self.writer = None
                self._dark()
            writer.close()

    def _levels(self) -> dict[str, bool]:
        return {str(pins().contact[contact].gpio): self._level(contact) for contact in CONTACTS}

    def _receive(self, message: dict[str, Any]) -> None:
        if "read" in message:
            self._send({"read": message["read"], "levels": self._levels()})
            return
        for lamp in LAMPS:
            if pins().lamp[lamp].gpio == message["gpio"]:
                self.lamps[lamp].edge(bool(message["lit"]), time.monotonic())

    def _dark(self) -> None:
        for watched in self.lamps.values():
            watched.edge(False, time.monotonic())


def _one_of(body: dict[str, object], key: str, allowed: Any) -> str:
    value = body[key]
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"panel: {key} is {value!r}; it must be one of {', '.join(allowed)}")
    return value
