"""Signing keys: Ed25519 in an encrypted file, for the root's holders and the online role, or EC on a PKCS#11 token.

A key is named by what `signer` takes: the path of its private file, or `hsm:ID?label=TOKEN` (the PKCS#11 module in
PYKCS11LIB, the PIN asked for). `NAME.pub` beside a private file is what others need of it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.signer import CryptoSigner, HSMSigner, Key, Signer, SSlibKey

from hub.updates.files import UpdatesError, read_json, to_json, write

AskSecret = Callable[[str], str]


def generate(private: Path, passphrase: str | None) -> SSlibKey:
    """A new key pair: `private` (0600, encrypted unless `passphrase` is None) and `private`.pub; never over another."""
    if private.exists():
        raise UpdatesError(f"{private}: is there already; a key is never overwritten, choose another name")
    key = Ed25519PrivateKey.generate()
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    made = CryptoSigner(key).public_key
    write(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), 0o600)
    save_public(private.with_name(private.name + ".pub"), made)
    return made


def make_on_token(label: str, number: int, ask: AskSecret) -> None:
    """A new P-256 key pair on the token, which never lets the private half out; never over another."""
    from pkcs11 import Attribute, KeyType, PKCS11Error, lib
    from pkcs11.util.ec import encode_named_curve_parameters

    try:
        token = lib(_module()).get_token(token_label=label)
        with token.open(user_pin=ask(f"token {label}"), rw=True) as session:
            if any(session.get_objects({Attribute.ID: bytes([number])})):
                raise UpdatesError(f"token {label}: has a key {number} already; choose another --id")
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
            parameters.generate_keypair(store=True, label=label, id=bytes([number]))
    except PKCS11Error as error:
        why = f"{type(error).__name__} {error}".strip()
        raise UpdatesError(
            f"token {label}: no key was made ({why}); check that it is plugged in, and the PIN"
        ) from error


def from_token(label: str, number: int, public: Path, ask: AskSecret) -> str:
    """Writes the public half of a token's key to `public`; returns the name `signer` takes."""
    _module()
    try:
        uri, key = HSMSigner.import_(number, label, ask)
    except (ValueError, LibraryError) as error:
        raise UpdatesError(f"token {label}: {error}; is it plugged in, and is the key's id {number}?") from error
    save_public(public, key)
    return uri


def save_public(at: Path, key: Key) -> None:
    write(at, to_json({"keyid": key.keyid, **key.to_dict()}))


def load_public(at: Path) -> Key:
    try:
        found = read_json(at)
        return Key.from_dict(found.pop("keyid"), found)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UpdatesError(f"{at}: is no public key ({error}); take the .pub file of the key") from error


def signer(name: str, public: Path | None, ask: AskSecret) -> Signer:
    """What signs with the key `name`; a token's needs its public file. UpdatesError where it cannot be opened."""
    if name.startswith(HSMSigner.SCHEME + ":"):
        _module()
        if public is None:
            raise UpdatesError(f"{name}: a token's key needs its public file too; add --public")
        return HSMSigner.from_priv_key_uri(name, load_public(public), ask)
    return _from_file(Path(name), ask)


def _from_file(at: Path, ask: AskSecret) -> Signer:
    try:
        data = at.read_bytes()
        secret = ask(str(at)).encode() if b"ENCRYPTED" in data else None
        key = load_pem_private_key(data, secret)
    except (OSError, ValueError, TypeError) as error:
        raise UpdatesError(f"{at}: cannot be opened ({error}); check path and passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UpdatesError(f"{at}: is not an Ed25519 key; make one with: hdu sign key")
    return CryptoSigner(key)


def _module() -> str:
    """The path of the token's PKCS#11 module."""
    module = os.environ.get("PYKCS11LIB", "")
    if not module:
        raise UpdatesError("PYKCS11LIB is not set; name the token's PKCS#11 module in it")
    return module
