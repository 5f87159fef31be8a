"""The programs that build, sign and run an image: Debian's, unpacked and entered, so that every machine has the same.

They run in namespaces of their own as far as the kernel lets an ordinary user: no root, no loop device, nothing of the
machine changed. `/w` inside is the one folder that is handed in.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image.places import BuildError

NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
SCRIPT = """set -e
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
mount -t tmpfs tmpfs "$0/tmp"
mkdir -p "$0/tmp/w" && mount --rbind "$1" "$0/tmp/w"
shift
exec chroot "$0" sh -c 'cd /tmp/w && exec "$@"' sh "$@"
"""
WORK = "/tmp/w"


@dataclass(frozen=True)
class Tools:
    """The unpacked programs."""

    tree: Path

    def command(self, work: Path, argv: Sequence[str]) -> list[str]:
        """`argv` inside, with `work` as its current folder, for a process of the caller's."""
        environment = (
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin",
            "HOME=/tmp",
            "LC_ALL=C.UTF-8",
            "TZ=UTC",
            "SYSTEMD_LOG_TARGET=console",
        )
        return [*environment, *NAMESPACES, "sh", "-c", SCRIPT, str(self.tree), str(work.absolute()), *argv]

    def run(self, work: Path, *argv: str, given: bytes | None = None, may_fail: bool = False) -> str:
        """What it printed; BuildError with its last words where it fails."""
        done = subprocess.run(self.command(work, argv), input=given, capture_output=True, check=False)
        if done.returncode and not may_fail:
            words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise BuildError(f"image: {argv[0]} failed: {words[-1] if words else 'it said nothing'}")
        return done.stdout.decode(errors="replace")


def allowed() -> None:
    """BuildError where this machine lets nobody make a user namespace."""
    done = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(
            "image: this machine allows no user namespaces; allow them (sysctl kernel.unprivileged_userns_clone=1 or "
            f"kernel.apparmor_restrict_unprivileged_userns=0), or build as root ({done.stderr.strip()})"
        )
