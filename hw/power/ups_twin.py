"""A serial UPS as a twin: a pseudo-terminal that answers the Megatec protocol, with the faults of real ones."""

import asyncio
import os
import tty
from pathlib import Path

SWITCHES = ("mains", "low", "failed", "silent", "garbage")


class UpsTwin:
    """`port` is what the driver opens. `silent` answers nothing, `garbage` answers noise."""

    def __init__(self, folder: Path) -> None:
        self.port = folder / "ups"
        self.switches = {name: name == "mains" for name in SWITCHES}
        self.battery_v, self.testing, self.asked = 13.6, False, list[str]()
        self._heard = b""

    async def start(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self._slave = slave  # held open, so that the line stays up when the driver closes it
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(slave))
        asyncio.get_running_loop().add_reader(self._master, self._hear)

    def state(self) -> dict[str, object]:
        return {**self.switches, "battery_v": self.battery_v, "testing": self.testing}

    async def command(self, body: dict[str, object]) -> None:
        for name, value in body.items():
            if name == "battery_v" and isinstance(value, int | float) and 0 <= value <= 99:
                continue
            if name not in SWITCHES or not isinstance(value, bool):
                raise ValueError(f"ups: {name} = {value!r}; use battery_v (0 to 99) or a switch: {SWITCHES}")
        self.switches.update({name: bool(value) for name, value in body.items() if name in SWITCHES})
        self.battery_v = float(body.get("battery_v", self.battery_v))  # type: ignore[arg-type]
        self.testing = self.testing and self.switches["mains"]

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self.port.unlink(missing_ok=True)

    def _hear(self) -> None:
        self._heard += os.read(self._master, 256)
        *commands, self._heard = self._heard.split(b"\r")
        for command in commands:
            self._obey(command.decode(errors="replace"))

    def _obey(self, command: str) -> None:
        self.asked.append(command)
        if command == "Q1" and not self.switches["silent"]:
            os.write(self._master, b"\xff(1\r" if self.switches["garbage"] else self._answer())
        elif command in ("TL", "CT"):
            self.testing = command == "TL" and self.switches["mains"]

    def _answer(self) -> bytes:
        on = self.switches
        bits = f"{int(not on['mains'])}{int(on['low'])}0{int(on['failed'])}1{int(self.testing)}00"
        volts = 230.1 if on["mains"] else 0.0
        return f"({volts:05.1f} 000.0 230.0 012 50.0 {self.battery_v:04.1f} 28.5 {bits}\r".encode()
