"""For whom a certificate is good: for this unit, where it was made for a day at most. Certificates are ssh-keygen's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from firmware.remote_help.principals import lasts_s, principal

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")


def certificate(folder: Path, kind: str, validity: str) -> bytes:
    quiet = ("ssh-keygen", "-q", "-N", "")
    subprocess.run([*quiet, "-t", "ed25519", "-f", str(folder / "ca")], check=True)
    subprocess.run([*quiet, "-t", kind, "-f", str(folder / "key")], check=True)
    words = ["-s", str(folder / "ca"), "-I", "alice", "-n", "hdu-0042", *(["-V", validity] if validity else [])]
    subprocess.run(["ssh-keygen", "-q", *words, str(folder / "key.pub")], check=True)
    return (folder / "key-cert.pub").read_bytes().split()[1]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_for_an_hour_is_good(tmp_path: Path, kind: str) -> None:
    made = certificate(tmp_path, kind, "+1h")
    assert 3600 <= (lasts_s(made) or 0) <= 3720
    assert principal("hdu-0042", made) == "hdu-0042"


@pytest.mark.parametrize("validity", ["+2d", "always:+1h", ""])
def test_one_for_long_is_good_for_nobody(tmp_path: Path, validity: str) -> None:
    assert principal("hdu-0042", certificate(tmp_path, "ed25519", validity)) == ""


@pytest.mark.parametrize("other", [b"", b"AAAA", b"not base64!"])
def test_what_is_no_certificate_is_good_for_nobody(other: bytes) -> None:
    assert principal("hdu-0042", other) == ""
