"""Files on a card's first partition, read and written where it lies on the disk by mtools: nothing is mounted."""

import os
import shutil
import subprocess
from pathlib import Path

from image.card import FIRMWARE_AT, SECTOR
from image.places import CHECKOUT

SECONDS = 60
NOT_THERE = "not found"


class FirstPartition:
    """The partition on a disk or in a file that stands for one. OSError in words where it cannot be done."""

    def __init__(self, disk: Path) -> None:
        self.disk = disk
        self.at = f"{disk}@@{FIRMWARE_AT}"

    def read(self, place: str, longest: int) -> bytes | None:
        """The file's first bytes; None where there is none."""
        done = self._run("mtype", f"::/{place}")
        if done.returncode == 0:
            return done.stdout[:longest]
        if NOT_THERE in done.stderr.decode(errors="replace"):
            return None
        raise self._failure(done)

    def write(self, place: str, content: bytes) -> None:
        """On the disk when this returns; the folder is made where there is none."""
        folder = place.rpartition("/")[0]
        if folder and self._run("mdir", "-b", f"::/{folder}").returncode:
            self._do("mmd", f"::/{folder}")
        self._do("mcopy", "-o", "-", f"::/{place}", given=content)

    def remove(self, place: str) -> None:
        if self.read(place, 0) is not None:
            self._do("mdel", f"::/{place}")

    def format(self, size: int) -> None:
        """An empty file system of `size` bytes (FAT32): for an image that stands in for a real one."""
        self._do("mformat", "-F", "-c", "1", "-T", str(size // SECTOR), "::")

    def _do(self, name: str, *words: str, given: bytes = b"") -> None:
        done = self._run(name, *words, given=given)
        if done.returncode:
            raise self._failure(done)
        with self.disk.open("rb") as disk:
            os.fsync(disk.fileno())

    def _run(self, name: str, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [program(), "-c", name, "-i", self.at, *words]
        environment = os.environ | {"LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}
        try:
            return subprocess.run(
                command, input=given, capture_output=True, env=environment, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"{self.disk}: does not answer within {SECONDS} s; try another reader") from error

    def _failure(self, done: subprocess.CompletedProcess[bytes]) -> OSError:
        words = " ".join(done.stderr.decode(errors="replace").split())[:200]
        return OSError(f"{self.disk}: its first partition: {words}; is it a unit's card? Flash it anew")


def program() -> str:
    """mtools of this machine, or as `make packages` has unpacked it."""
    unpacked = CHECKOUT / ".packages"
    folders = [os.environ.get("PATH", ""), *([f"{unpacked.read_text().strip()}/usr/bin"] if unpacked.exists() else [])]
    found = shutil.which("mtools", path=os.pathsep.join(folders))
    if found is None:
        raise OSError("mtools is not on this machine; install it (Debian: mtools), or run: make packages")
    return found
