"""A small signed image with holes, and the authority that signs it."""

import datetime
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from image.flash import release

MIB = 1 << 20


@dataclass(frozen=True)
class Signer:
    """A certificate for `purpose`, issued by an authority of its own."""

    authority: Path
    certificate: Path
    key: Path


def signer(folder: Path, purpose: ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING) -> Signer:
    folder.mkdir(parents=True, exist_ok=True)
    top, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    made = Signer(folder / "ca.pem", folder / "signer.pem", folder / "signer.key")
    made.authority.write_bytes(_certificate("agency", top, top, None))
    made.certificate.write_bytes(_certificate("release signer", leaf, top, purpose))
    made.key.write_bytes(leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, purpose: ObjectIdentifier | None
) -> bytes:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, "agency")]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - day).not_valid_after(now + day)
    builder = builder.add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return builder.sign(by, SHA256()).public_bytes(Encoding.PEM)


def write_image(at: Path, seed: int = 1) -> Path:
    """16 MiB: data, a hole, data over two ranges, a hole to the end."""
    chance = random.Random(seed)
    with at.open("wb") as out:
        out.write(chance.randbytes(72 * 1024))
        out.seek(2 * MIB)
        out.write(chance.randbytes(4 * MIB + 256 * 1024))
        out.truncate(16 * MIB)
    return at


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return signer(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def image(tmp_path: Path, trusted: Signer) -> Path:
    made = write_image(tmp_path / "unit.img")
    release.sign(made, trusted.certificate, str(trusted.key))
    return made


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A file-backed disk of 20 MiB that held something else."""
    at = tmp_path / "card"
    at.write_bytes(b"\xaa" * (20 * MIB))
    return at
