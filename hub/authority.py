"""A test authority for the bench and a first site: EC P-256, one folder for each party, ready to be handed over.

    FOLDER/ca.pem  ca.key                       the authority; ca.key never leaves this folder
    FOLDER/broker/   ca.pem broker.pem broker.key    the broker, with the addresses it is reached at (serverAuth)
    FOLDER/console/  ca.pem console.pem console.key  the supervisors' console (clientAuth)
    FOLDER/units/UNIT/ ca.pem unit.pem unit.key      one unit; the common name is the unit's name (clientAuth)

A second call keeps every certificate that is still good and makes only what is missing.
"""

import argparse
import datetime
import ipaddress
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY, BROKER, CONSOLE = "home dispatch test authority", "broker", "console"
AUTHORITY_DAYS, CERTIFICATE_DAYS, SPARE_DAYS = 3650, 730, 7
UNIT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class AuthorityError(Exception):
    """A certificate cannot be made as asked; the message says why and what to do."""


class Authority:
    """The certificate authority in `folder`, made at the first call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "ca.pem").exists() or not (folder / "ca.key").exists():
            self._make()
        self.certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        self.key = _load_key(folder / "ca.key")

    def broker(self, names: Sequence[str]) -> Path:
        """The broker's folder; `names` are every DNS name and address that units and console connect to."""
        return self._party(self.folder / BROKER, BROKER, BROKER, names)

    def console(self) -> Path:
        """The console's folder."""
        return self._party(self.folder / CONSOLE, CONSOLE, CONSOLE)

    def unit(self, name: str) -> Path:
        """The folder of the unit `name`; AuthorityError for a name that is no unit's."""
        _check_unit(name)
        return self._party(self.folder / "units" / name, "unit", name)

    def client(self, name: str, public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """A certificate for a unit that made its own key; AuthorityError for a name that is no unit's."""
        _check_unit(name)
        return self._issue(name, public, ())

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(AUTHORITY)
        builder = _builder(name, name, key.public_key(), AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        write(self.folder / "ca.key", _key_pem(key), 0o600)
        write(self.folder / "ca.pem", builder.sign(key, SHA256()).public_bytes(Encoding.PEM))

    def _party(self, at: Path, file: str, common_name: str, names: Sequence[str] = ()) -> Path:
        """One party's folder; a good certificate stays, any other is made anew with a key of its own."""
        at.mkdir(parents=True, exist_ok=True)
        if self._good(at / f"{file}.pem", at / f"{file}.key", names):
            return at
        shutil.copy(self.folder / "ca.pem", at / "ca.pem")
        key = ec.generate_private_key(ec.SECP256R1())
        write(at / f"{file}.key", _key_pem(key), 0o600)
        write(at / f"{file}.pem", self._issue(common_name, key.public_key(), names).public_bytes(Encoding.PEM))
        return at

    def _good(self, certificate: Path, key: Path, names: Sequence[str]) -> bool:
        """Whether the pair belongs together, is ours, holds for a week more and covers `names`."""
        try:
            found = x509.load_pem_x509_certificate(certificate.read_bytes())
            found.verify_directly_issued_by(self.certificate)
            pair = found.public_key() == _load_key(key).public_key()
        except (OSError, ValueError, TypeError, InvalidSignature):
            return False
        spare = datetime.timedelta(days=SPARE_DAYS)
        return pair and found.not_valid_after_utc > _now() + spare and _covers(found, names)

    def _issue(self, name: str, public: ec.EllipticCurvePublicKey, names: Sequence[str]) -> x509.Certificate:
        """A leaf: a server with its names, or (without names) a client."""
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(_name(name), self.certificate.subject, public, CERTIFICATE_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([_general(each) for each in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self.key, SHA256())


def make(folder: Path, broker_names: Sequence[str], units: Sequence[str]) -> Authority:
    """The authority with the certificates of a whole site; see the module for where each is."""
    authority = Authority(folder)
    authority.broker(broker_names)
    authority.console()
    for unit in units:
        authority.unit(unit)
    return authority


def _check_unit(name: str) -> None:
    if not UNIT_NAME.fullmatch(name) or name in (BROKER, CONSOLE):
        raise AuthorityError(
            f"authority: {name!r} cannot name a unit; use a-z, 0-9 and -, at most 32, not {BROKER} or {CONSOLE}"
        )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    """What every certificate has. It holds from a day ago: a unit without a clock battery may be behind."""
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_now() - day).not_valid_after(_now() + day * days)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _covers(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    if not names:
        return True
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return {_general(each) for each in names} <= set(found)


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{file}: not an EC key")
    return key


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Whole or not at all, and never for a moment readable by more than `mode` allows."""
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
    temporary.replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hub.authority", description="Make a test authority.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--broker", nargs="+", required=True, metavar="NAME", help="names and addresses of the broker")
    parser.add_argument("--unit", nargs="*", default=[], metavar="UNIT")
    given = parser.parse_args()
    try:
        make(given.folder, given.broker, given.unit)
    except (AuthorityError, OSError) as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
