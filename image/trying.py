"""`hdu image run`: the image in QEMU with the board's twins around it, for anyone to try."""

import os
import re
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

from hw.board import cables
from hw.board.board import SERIAL, Board
from hw.board.hands import WORDS, Hands
from image import given, machine
from image.machine import READY, Machine
from image.places import CHECKOUT
from image.tools import Tools

BOOT_S, CARD = 1800, "card.img"
PLUGGED = (*SERIAL, "headset")
IDENTITY = CHECKOUT / "hw/board/identity"
CONTROL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
HUNG = (signal.SIGTERM, signal.SIGHUP)


class Shown(Machine):
    """A machine whose console is printed as it comes, without what would move the cursor of this terminal."""

    _rest = ""

    def read(self, for_s: float) -> bool:
        before = len(self.console)
        goes_on = super().read(for_s)
        text = CONTROL.sub("", self._rest + self.console[before:])
        cut = text.find("\x1b") if "\x1b" in text else len(text)
        self._rest = text[cut:] if len(text) - cut < 64 else ""
        print(text[:cut].replace("\r", ""), end="", flush=True)
        return goes_on


def run(card: Path, tools: Tools, work: Path, identity: Path = IDENTITY) -> int:
    """The console and a person's hands, on the card in `work` (a fresh one where there is none), until it is to end."""
    if not (work / CARD).exists():
        machine.fresh_card(card, work)
    return _until_the_end(tools, work, given.words(work, identity))


def run_card(card: Path, tools: Tools) -> int:
    """The same with a card file of the caller's, as it is and as it then becomes; who it is lies on it."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=card.absolute().parent) as work:
        os.link(card, Path(work) / CARD)
        return _until_the_end(tools, Path(work), ())


def _until_the_end(tools: Tools, work: Path, identity: tuple[str, ...]) -> int:
    for number in HUNG:
        signal.signal(number, signal.default_int_handler)
    try:
        _run(tools, work, identity)
    except KeyboardInterrupt:
        print()
    return 0


def _run(tools: Tools, work: Path, identity: tuple[str, ...]) -> None:
    with Board(work, PLUGGED) as board:
        words = (*cables.network(cables.UPLINKS), *board.words, *identity)
        with Shown(work, tools, *words) as unit:
            found = unit.until(READY, BOOT_S)
            unit.until("hdu: end of report", BOOT_S)
            seconds = f"after {unit.seconds:.0f} s (emulated)"
            print(f"\n\nThe unit is up {seconds}: slot {found[2]}, {found[4]} MB used. {WORDS}", flush=True)
            hands = Hands(board, sys.stdin.fileno(), partial(print, flush=True))
            while unit.read(0.2) and hands.turn():
                pass
