"""A release as RAUC takes it: both images of a slot, signed, each block checked as it comes (format `verity`).

Only the blocks a unit has not got are fetched (`adaptive`). The signer's key may be a file or a PKCS#11 URI (RFC 7512).
"""

import shutil
from pathlib import Path

from image.places import BuildError
from image.slot import Slot
from image.tools import WORK, Tools

COMPATIBLE = "home-dispatch-unit"
ADAPTIVE = "adaptive=block-hash-index"


def manifest(version: str) -> str:
    """What RAUC checks before it touches a slot (RAUC, Reference: Manifest)."""
    return f"""[update]
compatible={COMPATIBLE}
version={version}

[bundle]
format=verity

[image.root]
filename=root.img
{ADAPTIVE}

[image.boot]
filename=boot.vfat
{ADAPTIVE}
"""


def made(slot: Slot, version: str, certificate: Path, key: str, at: Path, work: Path, tools: Tools) -> Path:
    """`at`, a .raucb; BuildError where RAUC refuses."""
    shutil.rmtree(work, ignore_errors=True)
    (work / "content").mkdir(parents=True)
    for file in (slot.root, slot.boot):
        shutil.copy(file, work / "content" / file.name)
    (work / "content" / "manifest.raucm").write_text(manifest(version))
    shutil.copy(certificate, work / "certificate.pem")
    if not key.startswith("pkcs11:"):
        if not Path(key).exists():
            raise BuildError(f"image: {key}: no such key; give the signer's key, or its pkcs11: URI")
        shutil.copy(key, work / "key.pem")
        key = f"{WORK}/key.pem"
    words = ("--cert", f"{WORK}/certificate.pem", "--key", key, "--mksquashfs-args=-comp zstd -Xcompression-level 3")
    tools.run(work, "rauc", *words, "bundle", "content", "release.raucb")
    at.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(work / "release.raucb", at)
    shutil.rmtree(work)
    return at
