"""What is written to: a disk, or a file that stands for one; unbuffered, so that what is read back comes from it."""

import ctypes
import errno
import mmap
import os
import stat
import threading
from pathlib import Path
from typing import Protocol

from image.flash.blockmap import RANGE_BYTES

MEMCMP = ctypes.CDLL(None).memcmp  # lets other threads run, as a comparison of bytes does not
MEMCMP.argtypes, MEMCMP.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int


class MediumError(Exception):
    """The disk cannot be opened, written or read; the message says why and what to do."""


class Medium(Protocol):
    """One disk, by bytes. Offsets and lengths are whole blocks; OSError where the hardware fails."""

    size: int

    def write(self, offset: int, data: memoryview) -> None: ...

    def read(self, offset: int, length: int) -> bytes: ...

    def holds(self, offset: int, data: memoryview) -> bool: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...


class RealDisk:
    """A block device (held alone: O_EXCL) or an existing file, past the page cache where the file system can."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = _open(path)
        self.size = os.lseek(self.fd, 0, os.SEEK_END)
        self.own = threading.local()

    @property
    def buffer(self) -> mmap.mmap:
        """This thread's memory to read into: page-aligned, as O_DIRECT asks."""
        if not hasattr(self.own, "buffer"):
            self.own.buffer = mmap.mmap(-1, RANGE_BYTES)
        found: mmap.mmap = self.own.buffer
        return found

    def write(self, offset: int, data: memoryview) -> None:
        while data:
            done = os.pwrite(self.fd, data, offset)
            data, offset = data[done:], offset + done

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes; fewer at the end of the disk."""
        return self.buffer[: self.fill(offset, length)]

    def holds(self, offset: int, data: memoryview) -> bool:
        """Whether `data` (writable memory, at most RANGE_BYTES) is what the disk has there; nothing is copied."""
        if self.fill(offset, len(data)) != len(data):
            return False
        ours, theirs = (ctypes.c_char.from_buffer(each) for each in (self.buffer, data))
        differ: int = MEMCMP(ctypes.byref(ours), ctypes.byref(theirs), len(data))
        return differ == 0

    def fill(self, offset: int, length: int) -> int:
        """Reads into the buffer; how many bytes there were."""
        with memoryview(self.buffer) as view, view[:length] as part:
            return os.preadv(self.fd, [part], offset)

    def sync(self) -> None:
        os.fsync(self.fd)
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        os.close(self.fd)


def _open(path: Path) -> int:
    try:
        exclusive = os.O_EXCL if stat.S_ISBLK(path.stat().st_mode) else 0
        try:
            return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_DIRECT | exclusive)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: no direct access on this file system
                raise
            return os.open(path, os.O_RDWR | os.O_CLOEXEC | exclusive)
    except OSError as error:
        hint = {
            errno.EBUSY: "something uses it: unmount it",
            errno.EACCES: "run hdu as root",
            errno.EPERM: "run hdu as root",
        }
        words = hint.get(error.errno or 0, "pull it out, put it in again")
        raise MediumError(f"{path}: cannot be opened: {error.strerror}; {words}") from error
