"""An image onto several disks at once: each range is read once, checked against the signed map, written and read back.

The range with the partition table is blanked first and written last, when all else was read back right: a disk that
did not pass does not boot. A disk that fails drops out; the others go on. At the end ranges all over the disk are read
once more: a card that is smaller than it says has by then overwritten its own beginning.
"""

import hashlib
import mmap
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from image.flash.blockmap import RANGE_BYTES, BlockMap, Range
from image.flash.medium import Medium

AHEAD = 4  # ranges waiting per disk and step: what bounds the memory
SAMPLES = 8
BUFFERS = 2 * AHEAD + 4


class ImageFault(Exception):
    """The image is not what its signed map says; nothing of the wrong range was written."""


class Buffers:
    """The memory that ranges pass through: allocated once, handed round, page-aligned as O_DIRECT asks."""

    def __init__(self) -> None:
        self.free: queue.Queue[mmap.mmap] = queue.Queue()
        for _ in range(BUFFERS):
            self.free.put(mmap.mmap(-1, RANGE_BYTES))


class Piece:
    """One range's bytes, in the hands of `users` cards; the last to let go gives the buffer back."""

    def __init__(self, span: Range, buffer: mmap.mmap, buffers: Buffers, users: int) -> None:
        self.span, self.buffer, self.buffers, self.users = span, buffer, buffers, users
        self.data = memoryview(buffer)[: span.length]
        self.lock = threading.Lock()

    def release(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.buffers.free.put(self.buffer)


class Card:
    """One disk being written. `written` and `checked` count bytes; `fault` is why it failed (empty: it has not)."""

    def __init__(self, name: str, medium: Medium) -> None:
        self.name, self.medium = name, medium
        self.written = self.checked = 0
        self.fault = ""
        self.done = False
        self.to_write: queue.Queue[Piece | None] = queue.Queue(AHEAD)
        self.to_check: queue.Queue[Piece | None] = queue.Queue(AHEAD)

    def start(self, blockmap: BlockMap) -> list[threading.Thread]:
        jobs: tuple[Callable[[], None], ...] = (lambda: self._write_all(blockmap), self._check_all)
        threads = [threading.Thread(target=job, name=f"flash {self.name}", daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        return threads

    def _write_all(self, blockmap: BlockMap) -> None:
        first = blockmap.ranges[0]
        if blockmap.size > self.medium.size:
            self.fault = f"the image has {blockmap.size} bytes, the disk {self.medium.size}; take a larger one"
        self._try(lambda: self.medium.write(first.offset, memoryview(mmap.mmap(-1, first.length))))
        while (piece := self.to_write.get()) is not None:
            if piece.span == first:
                self.to_check.join()
                self._try(self.medium.sync)
            self._try(self._write, piece)
            self.to_check.put(piece)
        self.to_check.put(None)

    def _write(self, piece: Piece) -> None:
        self.medium.write(piece.span.offset, piece.data)
        self.written += piece.span.length

    def _check_all(self) -> None:
        while (piece := self.to_check.get()) is not None:
            self._try(self._check, piece)
            piece.release()
            self.to_check.task_done()

    def _check(self, piece: Piece) -> None:
        """What was written against what came back; the piece itself was checked against the map before."""
        if not self.medium.holds(piece.span.offset, piece.data):
            self.fault = f"what was read back at byte {piece.span.offset} is not what was written; throw the card away"
        self.checked += piece.span.length

    def _try(self, step: Callable[..., None], *arguments: object) -> None:
        """One step, unless the disk has failed already."""
        if self.fault:
            return
        try:
            step(*arguments)
        except OSError as error:
            self.fault = f"the disk failed: {error.strerror}; try another reader or card"

    def finish(self, blockmap: BlockMap) -> None:
        """On the disk for good, and a sample of the ranges read once more."""
        self._try(self.medium.sync)
        sample = blockmap.ranges[:: max(1, len(blockmap.ranges) // SAMPLES)]
        for each in (*sample, blockmap.ranges[-1]):
            self._try(self._again, each)
        self.done = not self.fault

    def _again(self, each: Range) -> None:
        if hashlib.sha256(self.medium.read(each.offset, each.length)).hexdigest() != each.sha256:
            self.fault = f"byte {each.offset} changed after it was written: a worn or false card; throw it away"


def flash(image: Path, blockmap: BlockMap, cards: Sequence[Card]) -> None:
    """Writes and verifies every card; see each card's `fault`. ImageFault where the image is not as signed."""
    threads = [thread for card in cards for thread in card.start(blockmap)]
    try:
        for piece in _pieces(image, blockmap, len(cards)):
            for card in cards:
                card.to_write.put(piece)
            if all(card.fault for card in cards):
                break
    except ImageFault as fault:
        for card in cards:
            card.fault = card.fault or str(fault)
        raise
    finally:
        for card in cards:
            card.to_write.put(None)
        for thread in threads:
            thread.join()
    _each(cards, lambda card: card.finish(blockmap))


def _each(cards: Sequence[Card], step: Callable[[Card], None]) -> None:
    threads = [threading.Thread(target=step, args=(card,), daemon=True) for card in cards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _pieces(image: Path, blockmap: BlockMap, users: int) -> Iterator[Piece]:
    """The image's ranges, checked, the first one last."""
    buffers = Buffers()
    with image.open("rb", buffering=0) as file:
        for each in (*blockmap.ranges[1:], blockmap.ranges[0]):
            piece = Piece(each, buffers.free.get(), buffers, users)
            done = os.preadv(file.fileno(), [piece.data], each.offset)
            if done != each.length or hashlib.sha256(piece.data).hexdigest() != each.sha256:
                raise ImageFault(f"{image}: byte {each.offset} on is not as signed; get the image again")
            yield piece


def check(medium: Medium, blockmap: BlockMap) -> Iterator[int]:
    """A flashed disk against the map: yields the bytes checked so far; ImageFault at the first wrong range."""
    done = 0
    for each in blockmap.ranges:
        if hashlib.sha256(medium.read(each.offset, each.length)).hexdigest() != each.sha256:
            raise ImageFault(f"byte {each.offset} on is not as the map says; flash the card again")
        done += each.length
        yield done
