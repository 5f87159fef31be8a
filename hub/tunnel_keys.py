"""Keys of the tunnels, as wg(8) makes and prints them."""

import base64
import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


def tunnel_key() -> str:
    """A private key as `wg genkey` makes it: 32 bytes, clamped (RFC 7748, 5), base64."""
    made = bytearray(os.urandom(32))
    made[0] &= 248
    made[31] = made[31] & 127 | 64
    return base64.b64encode(made).decode()


def public_key(private: str) -> str:
    """As `wg pubkey` does."""
    key = X25519PrivateKey.from_private_bytes(base64.b64decode(private))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
