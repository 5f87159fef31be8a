"""An image onto the cards, with a bar for each while it lasts."""

import threading
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from image.flash.blockmap import BlockMap
from image.flash.writing import Card, ImageFault, flash

SHOWN_EVERY_S = 0.2


def write(image: Path, blockmap: BlockMap, cards: Sequence[Card]) -> str:
    """Writes with a bar per disk; the image's fault in words, or nothing."""
    faults: list[str] = []

    def work() -> None:
        try:
            flash(image, blockmap, cards)
        except (ImageFault, OSError) as fault:
            faults.append(str(fault))

    thread = threading.Thread(target=work)
    columns = (TextColumn("{task.description}"), BarColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        bars = [shown.add_task(card.name, total=2 * blockmap.mapped) for card in cards]
        thread.start()
        while thread.is_alive():
            thread.join(SHOWN_EVERY_S)
            for bar, card in zip(bars, cards, strict=True):
                shown.update(bar, completed=card.written + card.checked)
    return "".join(faults)
