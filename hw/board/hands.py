"""A person's hands and eyes at the machine: a line typed is done to the hardware, and lamps are told as they change."""

import os
import select
import time
from collections.abc import Callable
from functools import partial

from hw.board.board import Board
from hw.board.cables import UPLINKS
from hw.board.monitor import MonitorError
from hw.panel.switches import BUTTONS

FINGER_S = 0.3
MEANS = {
    "panic": {"fast": "the alert is on disk", "slow": "the hub has it", "on": "a person answered", "double": "a fault"},
    "mute": {"off": "live", "on": "silent", "double": "unknown, or a fault"},
}
WORDS = f"""Its lamps are told here as they change. Your hands, a line each:
  press panic         or mute, assist; 'hold panic' and 'let go panic' for as long as you like
  pull wired          or {", ".join(UPLINKS[1:])}; 'plug wired' puts the cable back
  mains off           the UPS says so; 'mains on'
  modem lost          it finds no network; 'modem found'
  speak               into the headset; 'be quiet'; 'press headset' is its own mute button; 'pull headset'
  look                what the lamps show now; 'help' tells all this again
  end                 or Ctrl-C: the plug is pulled"""


def _button(action: str, button: str, board: Board) -> None:
    board.command("panel", {"button": button, "action": action})


def _press(button: str, board: Board) -> None:
    _button("press", button, board)
    time.sleep(FINGER_S)
    _button("release", button, board)


def _cable(uplink: str, plugged: bool, board: Board) -> None:
    board.cable(uplink, plugged)


def _order(twin: str, body: dict[str, object], board: Board) -> None:
    board.command(twin, body)


DOES: dict[str, Callable[[Board], None]] = {
    **{f"press {button}": partial(_press, button) for button in BUTTONS},
    **{f"hold {button}": partial(_button, "press", button) for button in BUTTONS},
    **{f"let go {button}": partial(_button, "release", button) for button in BUTTONS},
    **{f"pull {uplink}": partial(_cable, uplink, False) for uplink in UPLINKS},
    **{f"plug {uplink}": partial(_cable, uplink, True) for uplink in UPLINKS},
    "mains off": partial(_order, "ups", {"mains": False}),
    "mains on": partial(_order, "ups", {"mains": True}),
    "modem lost": partial(_order, "modem", {"registered": False}),
    "modem found": partial(_order, "modem", {"registered": True}),
    "speak": partial(_order, "headset", {"speaking": True}),
    "be quiet": partial(_order, "headset", {"speaking": False}),
    "press headset": partial(_order, "headset", {"button": "mute"}),
    "pull headset": partial(_order, "headset", {"plugged": False}),
    "plug headset": partial(_order, "headset", {"plugged": True}),
}


def lamps(shown: dict[str, str]) -> str:
    """In words: what each lamp was seen to show, and what that says."""
    found = []
    for name, pattern in shown.items():
        means = MEANS.get(name, {}).get(pattern)
        found.append(f"{name.upper()} {pattern}" + (f" ({means})" if means else ""))
    return "lamps: " + ", ".join(found)


class Hands:
    """What is typed at `terminal` (a descriptor), done to `board`; `say` takes each line of answer."""

    def __init__(self, board: Board, terminal: int, say: Callable[[str], None]) -> None:
        self.board, self.terminal, self.say = board, terminal, say
        self._typed, self._open, self._seen = b"", True, ""

    def turn(self) -> bool:
        """Does what was typed since, and tells the lamps where they have changed; False where it is to end."""
        self._look(self._seen)
        return all(self._obey(line) for line in self._lines())

    def _lines(self) -> list[str]:
        if not self._open or not select.select([self.terminal], [], [], 0)[0]:
            return []
        data = os.read(self.terminal, 4096)
        self._open = bool(data)
        *lines, self._typed = (self._typed + data).split(b"\n")
        return [" ".join(line.decode(errors="replace").split()).lower() for line in lines]

    def _obey(self, line: str) -> bool:
        """False for `end`."""
        if line in DOES:
            self._do(DOES[line])
        elif line == "look":
            self._look("")
        elif line == "help":
            self.say(WORDS)
        elif line not in ("", "end"):
            self.say(f"{line!r} is none of your hands; 'help' tells them")
        return line != "end"

    def _do(self, what: Callable[[Board], None]) -> None:
        try:
            what(self.board)
        except (MonitorError, ValueError) as error:
            self.say(str(error))

    def _look(self, seen: str) -> None:
        self._seen = lamps(self.board.state("panel")["lamps"])
        if self._seen != seen:
            self.say(self._seen)
