"""An image onto several disks at once: each range is read once, checked against the signed map, written and read back.

While a range is read back the next one is written: a card has LANES threads, one of them writes, in the image's order
as cards like it, while the other reads back what it wrote before. The range with the partition table is blanked first
and written last, when all else was read back right: a disk that did not pass does not boot. A disk that fails drops
out; the others go on. At the end a little of many ranges is read once more: a card that is smaller than it says has by
then overwritten its own beginning.
"""

import hashlib
import mmap
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from image.flash.blockmap import BLOCK_BYTES, BlockMap
from image.flash.medium import Medium
from image.flash.pieces import ImageFault, Piece, Source

__all__ = ["Card", "ImageFault", "check", "flash"]

LANES = 2  # one writes, the other reads back: on two cores more only wait for each other
WAITING = 2  # ranges waiting per disk: what bounds the memory
SAMPLES = 64
SAMPLE_BYTES = 4 * BLOCK_BYTES


class Card:
    """One disk being written. `written` and `checked` count bytes; `fault` is why it failed (empty: it has not).

    `written_at` is when the last byte was written (monotonic); what comes after it is reading back alone.
    """

    def __init__(self, name: str, medium: Medium) -> None:
        self.name, self.medium = name, medium
        self.written = self.checked = 0
        self.written_at = 0.0
        self.fault = ""
        self.done = False
        self.waiting: queue.Queue[Piece | None] = queue.Queue(WAITING)
        self.turn, self.counting = threading.Lock(), threading.Lock()
        self.sampled: set[int] = set()
        self.samples: list[tuple[int, bytes]] = []

    def start(self, blockmap: BlockMap) -> list[threading.Thread]:
        """Blanks what makes a disk boot, then writes what is put into `waiting` until None is."""
        self.sampled = {blockmap.ranges[len(blockmap.ranges) * each // SAMPLES].offset for each in range(SAMPLES)}
        if blockmap.size > self.medium.size:
            self.fault = f"the image has {blockmap.size} bytes, the disk {self.medium.size}; take a larger one"
        first = blockmap.ranges[0]
        self._try(lambda: self.medium.write(first.offset, memoryview(mmap.mmap(-1, first.length))))
        lanes = [threading.Thread(target=self._lane, name=f"flash {self.name}", daemon=True) for _ in range(LANES)]
        for lane in lanes:
            lane.start()
        return lanes

    def _lane(self) -> None:
        while True:
            with self.turn:
                piece = self.waiting.get()
                if piece is None:
                    self.waiting.put(None)  # for the next lane
                    return
                self._try(self._write, piece)
            self._try(self._check, piece)
            piece.release()

    def _write(self, piece: Piece) -> None:
        self.medium.write(piece.span.offset, piece.data)
        self.written += piece.span.length
        self.written_at = time.monotonic()

    def _check(self, piece: Piece) -> None:
        """What was written against what came back; the piece itself was checked against the map before."""
        if not self.medium.holds(piece.span.offset, piece.data):
            self.fault = f"what was read back at byte {piece.span.offset} is not what was written; throw the card away"
        with self.counting:
            self.checked += piece.span.length
            if piece.span.offset in self.sampled:
                self.samples.append((piece.span.offset, bytes(piece.data[:SAMPLE_BYTES])))

    def _try(self, step: Callable[..., None], *arguments: object) -> None:
        """One step, unless the disk has failed already."""
        if self.fault:
            return
        try:
            step(*arguments)
        except OSError as error:
            self.fault = f"the disk failed: {error.strerror}; try another reader or card"

    def finish(self, first: Piece) -> None:
        """The beginning, when all else is on the disk for good; then the samples once more."""
        self._try(self.medium.sync)
        self._try(self._write, first)
        self._try(self._check, first)
        first.release()
        self._try(self.medium.sync)
        for offset, data in self.samples:
            self._try(self._again, offset, data)
        self.done = not self.fault

    def _again(self, offset: int, data: bytes) -> None:
        if self.medium.read(offset, len(data)) != data:
            self.fault = f"byte {offset} changed after it was written: a worn or false card; throw it away"


def flash(image: Path, blockmap: BlockMap, cards: Sequence[Card]) -> None:
    """Writes and verifies every card; see each card's `fault`. ImageFault where the image is not as signed."""
    source = Source(image, len(cards), held=WAITING + LANES + 1)
    try:
        _most(source, blockmap, cards)
        if not all(card.fault for card in cards):
            (first,) = source.pieces(blockmap.ranges[:1])
            _each(cards, lambda card: card.finish(first))
    except ImageFault as fault:
        for card in cards:
            card.fault = card.fault or str(fault)
        raise
    finally:
        source.close()


def _most(source: Source, blockmap: BlockMap, cards: Sequence[Card]) -> None:
    """All but the range with the partition table."""
    lanes = [lane for card in cards for lane in card.start(blockmap)]
    try:
        for piece in source.pieces(blockmap.ranges[1:]):
            for card in cards:
                card.waiting.put(piece)
            if all(card.fault for card in cards):
                break
    finally:
        for card in cards:
            card.waiting.put(None)
        for lane in lanes:
            lane.join()


def _each(cards: Sequence[Card], step: Callable[[Card], None]) -> None:
    threads = [threading.Thread(target=step, args=(card,), daemon=True) for card in cards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check(medium: Medium, blockmap: BlockMap) -> Iterator[int]:
    """A flashed disk against the map: yields the bytes checked so far; ImageFault at the first wrong range."""
    done = 0
    for each in blockmap.ranges:
        if hashlib.sha256(medium.read(each.offset, each.length)).hexdigest() != each.sha256:
            raise ImageFault(f"byte {each.offset} on is not as the map says; flash the card again")
        done += each.length
        yield done
