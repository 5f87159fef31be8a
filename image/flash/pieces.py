"""A signed image's ranges as they are needed: read and hashed a few ahead, in order, in memory that is used again."""

import hashlib
import mmap
import os
import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from image.flash.blockmap import RANGE_BYTES, Range

HASHERS = 1  # one hashes faster than any card is written, and leaves a core to the cards
AHEAD = 3  # ranges read and hashed before they are asked for


class ImageFault(Exception):
    """The image is not what its signed map says; nothing of the wrong range was written."""


class Buffers:
    """The memory that ranges pass through: allocated once, handed round, page-aligned as O_DIRECT asks."""

    def __init__(self, count: int) -> None:
        self.free: queue.Queue[mmap.mmap] = queue.Queue()
        for _ in range(count):
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


class Source:
    """The image, open. `held` is how many pieces may be out at once beside those read ahead."""

    def __init__(self, image: Path, users: int, held: int) -> None:
        self.image, self.users = image, users
        self.buffers = Buffers(held + AHEAD + HASHERS)
        self.file = image.open("rb", buffering=0)

    def close(self) -> None:
        self.file.close()

    def pieces(self, ranges: Sequence[Range]) -> Iterator[Piece]:
        """Each range in order, as signed; ImageFault at the first that is not. Every piece must be released."""
        with ThreadPoolExecutor(HASHERS, "image") as hashers:
            ahead: deque[Future[Piece]] = deque()
            for span in ranges:
                ahead.append(hashers.submit(self._piece, span, self.buffers.free.get()))
                if len(ahead) > AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _piece(self, span: Range, buffer: mmap.mmap) -> Piece:
        piece = Piece(span, buffer, self.buffers, self.users)
        done = os.preadv(self.file.fileno(), [piece.data], span.offset)
        if done != span.length or hashlib.sha256(piece.data).hexdigest() != span.sha256:
            raise ImageFault(f"{self.image}: byte {span.offset} on is not as signed; get the image again")
        return piece
