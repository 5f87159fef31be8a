"""Two slots as plain files, a boot loader in ten lines of shell, and the real RAUC over them on a bus of the caller's.

What a kernel gives to no user namespace (mounting a squashfs) is stood in for by `mounts.c`; signatures, slots, states
and D-Bus are RAUC's own. "Booting" is starting RAUC with another slot named, as the kernel's command line does it.
"""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

COMPATIBLE = "home-dispatch-unit"
SLOT_BYTES = 1 << 20
CONFIG = """[system]
compatible={compatible}
bootloader=custom
mountprefix={folder}/mounts
statusfile={folder}/rauc.status
[keyring]
path={folder}/signer.pem
[handlers]
bootloader-custom-backend={folder}/bootloader
[slot.rootfs.0]
device={folder}/slot-A
type=raw
bootname=A
[slot.rootfs.1]
device={folder}/slot-B
type=raw
bootname=B
"""
# What U-Boot's environment holds on the unit: the slot that is booted next, and of each whether it is good.
BOOTLOADER = """#!/bin/sh
cd "{folder}/boot" || exit 1
case $1 in
get-primary) cat primary ;;
set-primary) while [ -e hold ] && [ "$2" != "$(cat primary)" ]; do : > held; sleep 0.05; done; echo "$2" > primary ;;
get-state) cat "$2" ;;
set-state) echo "$3" > "$2"; [ "$3" = good ] || echo AB | tr -d "$2" > primary ;;
*) exit 1 ;;
esac
"""
MANIFEST = "[update]\ncompatible={compatible}\nversion={version}\n[image.rootfs]\nfilename=rootfs.img\n"


class Slots:
    """`command` is RAUC's service; `bundle` makes what it installs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, first: bytes = b"release one") -> None:
        """Slot A has a first release and is booted, slot B is empty."""
        for part in ("mounts", "boot"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for slot, text in {"A": first, "B": b""}.items():
            (self.folder / f"slot-{slot}").write_bytes(text.ljust(SLOT_BYTES, b"\0"))
            (self.folder / "boot" / slot).write_text("good\n" if slot == "A" else "bad\n")
        (self.folder / "boot" / "primary").write_text("A\n")
        (self.folder / "system.conf").write_text(CONFIG.format(compatible=COMPATIBLE, folder=self.folder))
        (self.folder / "bootloader").write_text(BOOTLOADER.format(folder=self.folder))
        (self.folder / "bootloader").chmod(0o755)
        signer(self.folder, "signer")
        words = (
            "gcc",
            "-shared",
            "-fPIC",
            "-O1",
            "-o",
            self.folder / "mounts.so",
            Path(__file__).with_name("mounts.c"),
        )
        subprocess.run([*words, "-ldl"], check=True)

    def command(self, booted: str) -> Sequence[str]:
        """RAUC's service, on the bus of DBUS_SYSTEM_BUS_ADDRESS, as after a boot from that slot."""
        preload = f"LD_PRELOAD={self.folder / 'mounts.so'}"
        return [
            "env",
            preload,
            "rauc",
            f"--conf={self.folder / 'system.conf'}",
            f"--override-boot-slot={booted}",
            "service",
        ]

    @property
    def primary(self) -> str:
        """The slot that is booted next."""
        return (self.folder / "boot" / "primary").read_text().strip()

    def state(self, slot: str) -> str:
        return (self.folder / "boot" / slot).read_text().strip()

    def hold(self) -> None:
        """From here on an install waits in its last moment: the slot is written and not yet the next."""
        (self.folder / "boot" / "hold").touch()

    def held(self) -> bool:
        """Whether one waits there."""
        return (self.folder / "boot" / "held").exists()

    def let_go(self) -> None:
        for part in ("hold", "held"):
            (self.folder / "boot" / part).unlink(missing_ok=True)

    def content(self, slot: str) -> bytes:
        return (self.folder / f"slot-{slot}").read_bytes().rstrip(b"\0")

    async def bundle(
        self, version: str, content: bytes, signer_name: str = "signer", compatible: str = COMPATIBLE
    ) -> Path:
        """A signed bundle of the plain format whose root file system is `content`."""
        made = self.folder / f"{signer_name}-{version}.raucb"
        source = self.folder / f"in-{signer_name}-{version}"
        source.mkdir()
        (source / "rootfs.img").write_bytes(content.ljust(4_096, b"\0"))
        (source / "manifest.raucm").write_text(MANIFEST.format(compatible=compatible, version=version))
        signs = [f"--cert={self.folder}/{signer_name}.pem", f"--key={self.folder}/{signer_name}.key"]
        child = await asyncio.create_subprocess_exec(
            *("rauc", *signs, f"--keyring={self.folder}/{signer_name}.pem", "bundle", str(source), str(made)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
        )
        said, _ = await child.communicate()
        if child.returncode:
            raise RuntimeError(f"rauc bundle: {said.decode().strip()}")
        return made


def signer(folder: Path, name: str) -> None:
    """A key and its self-signed certificate, NAME.key and NAME.pem."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
