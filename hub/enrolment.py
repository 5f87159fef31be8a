"""How a unit becomes one of the agency's: its request, and what the agency grants. Both are signed text files.

The unit makes its own keys and asks with the public halves; the request is signed with the key of its certificate
request (PKCS#10, RFC 2986), so nobody can put other tunnel keys in. The grant is signed by the agency's authority and
is of use to that unit alone: its probing key is sealed. No private key is in either file.
"""

import base64
import binascii
from typing import Annotated, Literal, TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from msgspec import Meta, Struct

from firmware.certificates import NOT_SOUND
from firmware.failover.tunnels import ALL, MAX_UNITS

PROBING = "hdu probing key of "
LONGEST_BYTES = 64 * 1024
UnitName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
TunnelKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]  # as wg(8) prints it
Pem = Annotated[str, Meta(max_length=8_192)]
Public = ec.EllipticCurvePublicKey


class EnrolmentError(ValueError):
    """A request or a grant is refused; the message says what is wrong and what to do."""


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a unit asks. `tunnels` is interface to public key."""

    kind: Literal["hdu request 1"] = "hdu request 1"
    unit: UnitName
    certificate_request: Pem
    tunnels: dict[str, TunnelKey]


class Grant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the agency gives. `number` is the unit's place in every tunnel; `probing` is sealed for the unit."""

    kind: Literal["hdu grant 1"] = "hdu grant 1"
    unit: UnitName
    number: Annotated[int, Meta(ge=1, le=MAX_UNITS)]
    certificate: Pem
    probing: Annotated[str, Meta(max_length=1_024)]


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """A file: what was signed, to the letter, and the signature (ECDSA with SHA-256, DER, base64)."""

    body: str
    signature: Annotated[str, Meta(max_length=1_024)]


S = TypeVar("S", Request, Grant)


def sign(said: Request | Grant, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The file."""
    body = msgspec.json.encode(said)
    signature = base64.b64encode(key.sign(body, ec.ECDSA(SHA256()))).decode()
    return msgspec.json.format(msgspec.json.encode(Signed(body.decode(), signature))) + b"\n"


def read_request(data: bytes) -> tuple[Request, Public]:
    """The request in a file and the unit's public key; EnrolmentError for anything but a whole, signed one."""
    body, signature = _opened(data, "request")
    found = _read(body, Request, "request")
    public = certificate_key(found)
    _verify(public, body, signature, "request")
    if set(found.tunnels) != {tunnel.interface for tunnel in ALL}:
        raise EnrolmentError("request: it has not one key for each tunnel; make it anew with: hdu provision begin")
    return found, public


def read_grant(data: bytes, authority: x509.Certificate) -> Grant:
    """The grant in a file; EnrolmentError where the authority did not sign exactly this."""
    body, signature = _opened(data, "grant")
    public = authority.public_key()
    if not isinstance(public, Public):
        raise EnrolmentError("grant: the site file's authority has no EC key; get the site file again")
    _verify(public, body, signature, "grant")
    return _read(body, Grant, "grant")


def certificate_key(request: Request) -> Public:
    """The key that the certificate is asked for; EnrolmentError where it is another's, or for another name."""
    try:
        asked = x509.load_pem_x509_csr(request.certificate_request.encode())
        names = [str(name.value) for name in asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        good = asked.is_signature_valid and names == [request.unit]
        public = asked.public_key()
    except NOT_SOUND as error:
        raise EnrolmentError("request: its certificate request cannot be read; make it anew on the unit") from error
    if not good or not isinstance(public, Public) or not isinstance(public.curve, ec.SECP256R1):
        raise EnrolmentError("request: its certificate request is not this unit's; make it anew on the unit")
    return public


def certificate_request(unit: str, key: ec.EllipticCurvePrivateKey) -> str:
    """PKCS#10 in PEM, signed with the unit's own key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unit)])
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def _opened(data: bytes, what: str) -> tuple[bytes, bytes]:
    try:
        if len(data) > LONGEST_BYTES:
            raise ValueError("it is too long")
        signed = msgspec.json.decode(data, type=Signed)
        return signed.body.encode(), base64.b64decode(signed.signature, validate=True)
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        raise EnrolmentError(f"{what}: this file is no {what} ({_one_line(error)}); get the right file") from error


def _read(body: bytes, kind: type[S], what: str) -> S:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EnrolmentError(f"{what}: {_one_line(error)}; both ends need the same release") from error


def _verify(public: Public, body: bytes, signature: bytes, what: str) -> None:
    try:
        public.verify(signature, body, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise EnrolmentError(f"{what}: its signature is refused; it was changed, get it again") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
