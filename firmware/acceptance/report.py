"""The report of an acceptance, signed with the unit's own key: nobody else can have made it, nobody can change it.

The signature (ECDSA with SHA-256) is of `report` as msgspec encodes it, so the file may be laid out as one likes.
"""

import base64
import binascii
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from msgspec import Struct

from firmware.acceptance.finding import Finding
from firmware.certificates import NOT_SOUND


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole. `passed` is false as soon as one finding failed; times are RFC 3339."""

    unit: str
    version: str
    technician: str
    began: str
    took_s: float
    passed: bool
    alone: tuple[Finding, ...]
    walked: tuple[Finding, ...]


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: the report, the unit's certificate (PEM) and the signature (DER, base64)."""

    report: Acceptance
    certificate: str
    signature: str


class ReportRefused(ValueError):
    """Not a report that this agency's unit made; the message says why."""


def sign(report: Acceptance, certificate: bytes, key: bytes) -> bytes:
    """The file; ReportRefused where key or certificate cannot be used."""
    try:
        own = load_pem_private_key(key, password=None)
        x509.load_pem_x509_certificate(certificate)
    except NOT_SOUND as error:
        raise ReportRefused("this unit's key or certificate cannot be read; provision it again") from error
    if not isinstance(own, ec.EllipticCurvePrivateKey):
        raise ReportRefused("this unit's key is of another kind; provision it again")
    signature = own.sign(msgspec.json.encode(report), ec.ECDSA(SHA256()))
    signed = Signed(report, certificate.decode(), base64.b64encode(signature).decode())
    return msgspec.json.format(msgspec.json.encode(signed), indent=1) + b"\n"


def verify(data: bytes, authority: bytes) -> Acceptance:
    """The report, of which it is sure that the unit it names made it; else ReportRefused."""
    try:
        signed = msgspec.json.decode(data, type=Signed)
        found = x509.load_pem_x509_certificate(signed.certificate.encode())
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
        signature = base64.b64decode(signed.signature, validate=True)
    except (msgspec.DecodeError, binascii.Error, RecursionError) as error:
        raise ReportRefused(f"this is no acceptance report ({' '.join(str(error).split())[:120]})") from error
    except NOT_SOUND as error:
        raise ReportRefused("its certificate is not of this authority") from error
    names = [str(name.value) for name in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [signed.report.unit]:
        raise ReportRefused(f"it is signed by {', '.join(names)}, not by {signed.report.unit}")
    try:
        public = found.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise InvalidSignature
        public.verify(signature, msgspec.json.encode(signed.report), ec.ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise ReportRefused("its signature does not hold: it was changed after it was signed") from error
    return signed.report


def sound(report: Acceptance) -> Literal["accepted", "not accepted"]:
    """The verdict by the findings, whatever `passed` says."""
    good = report.walked and all(each.outcome != "failed" for each in (*report.alone, *report.walked))
    return "accepted" if good and report.passed else "not accepted"
