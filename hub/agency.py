"""The agency's side of enrolment: the authority, the hub's own keys, and the register of units, in one folder.

FOLDER/ca.pem ca.key ...    the certificate authority (hub.authority)
FOLDER/probing.key          the site's probing key; a unit gets one derived from it
FOLDER/tunnels/IFACE.key    the hub's private key of each tunnel
FOLDER/register/UNIT.json   number and public keys of each unit: what the hub's tunnels are made of
"""

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta, Struct

from firmware.failover import probing
from firmware.failover.tunnels import ALL, MAX_UNITS
from hub import sealing
from hub.authority import Authority, AuthorityError, write
from hub.enrolment import PROBING, EnrolmentError, Grant, TunnelKey, UnitName, read_request, sign
from hub.tunnel_keys import public_key, tunnel_key


class Entry(Struct, frozen=True):
    """One unit in the register; `key` is its certificate's public key (SHA-256 of it, hexadecimal)."""

    unit: UnitName
    number: Annotated[int, Meta(ge=1, le=MAX_UNITS)]
    key: str
    tunnels: dict[str, TunnelKey]


class Agency:
    """The folder, made at the first call."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder, Authority(folder)
        (folder / "register").mkdir(exist_ok=True)
        (folder / "tunnels").mkdir(exist_ok=True)
        for file, made in [(folder / "probing.key", secrets.token_hex(probing.KEY)), *self._tunnel_keys()]:
            if not file.exists():
                write(file, made.encode(), 0o600)

    def _tunnel_keys(self) -> list[tuple[Path, str]]:
        return [(self.folder / "tunnels" / f"{tunnel.interface}.key", tunnel_key()) for tunnel in ALL]

    def tunnels(self) -> dict[str, str]:
        """Interface to the hub's public key."""
        found = {tunnel.interface: self.folder / "tunnels" / f"{tunnel.interface}.key" for tunnel in ALL}
        return {interface: public_key(file.read_text()) for interface, file in found.items()}

    def units(self) -> dict[str, Entry]:
        """The register by name."""
        files = sorted((self.folder / "register").glob("*.json"))
        return {file.stem: msgspec.json.decode(file.read_bytes(), type=Entry) for file in files}

    def grant(self, data: bytes, replace: bool = False) -> tuple[Grant, bytes]:
        """What is granted to the request in `data`, and as a file; the unit is then in the register.

        EnrolmentError for a request that is not sound, or a name that another unit's key has (unless `replace`).
        """
        request, public = read_request(data)
        key = fingerprint(request.certificate_request)
        known = self.units().get(request.unit)
        if known and known.key != key and not replace:
            raise EnrolmentError(
                f"request: {request.unit} is another unit's name (number {known.number}); choose another, or --replace"
            )
        try:
            certificate = self.authority.client(request.unit, public)
        except AuthorityError as error:
            raise EnrolmentError(f"request: {error}") from error
        entry = Entry(request.unit, known.number if known else self._free(), key, request.tunnels)
        write(self.folder / "register" / f"{request.unit}.json", msgspec.json.encode(entry))
        secret = probing.unit_key(self._site_key(), probing.identity(request.unit))
        made = Grant(
            unit=request.unit,
            number=entry.number,
            certificate=certificate.public_bytes(Encoding.PEM).decode(),
            probing=sealing.seal(secret, public, PROBING + request.unit),
        )
        return made, sign(made, self.authority.key)

    def _free(self) -> int:
        taken = {entry.number for entry in self.units().values()}
        free = next((number for number in range(1, MAX_UNITS + 1) if number not in taken), None)
        if free is None:
            raise EnrolmentError(f"request: all {MAX_UNITS} numbers are taken; take a unit out of the register")
        return free

    def _site_key(self) -> bytes:
        return probing.key((self.folder / "probing.key").read_text())


def fingerprint(certificate_request: str) -> str:
    """SHA-256 of the public key in a PKCS#10 request."""
    public = x509.load_pem_x509_csr(certificate_request.encode()).public_key()
    digest = Hash(SHA256())
    digest.update(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()
