"""A few bytes for one unit's eyes only: ECIES with P-256, HKDF-SHA-256 (RFC 5869) and AES-256-GCM (NIST SP 800-38D).

Every message has a key of its own (an ephemeral one), so the nonce may be fixed.
"""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

POINT_BYTES = 65  # an uncompressed point of P-256 (SEC 1, 2.3.3)
NONCE = bytes(12)


class SealBroken(ValueError):
    """Not sealed for this key and purpose, or changed on the way."""


def seal(data: bytes, to: ec.EllipticCurvePublicKey, purpose: str) -> str:
    """`data` as text that only the holder of the private key of `to` can open, and only for the same `purpose`."""
    once = ec.generate_private_key(ec.SECP256R1())
    point = once.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    key = _key(once.exchange(ec.ECDH(), to), point, purpose)
    return base64.b64encode(point + AESGCM(key).encrypt(NONCE, data, None)).decode()


def unseal(text: str, key: ec.EllipticCurvePrivateKey, purpose: str) -> bytes:
    """What was sealed; SealBroken where it was not for us, not for `purpose`, or is changed."""
    try:
        whole = base64.b64decode(text, validate=True)
        point, hidden = whole[:POINT_BYTES], whole[POINT_BYTES:]
        once = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        return AESGCM(_key(key.exchange(ec.ECDH(), once), point, purpose)).decrypt(NONCE, hidden, None)
    except (binascii.Error, ValueError, InvalidTag) as error:
        raise SealBroken("it is sealed for another unit, or changed on the way") from error


def _key(shared: bytes, point: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=point, info=purpose.encode()).derive(shared)
