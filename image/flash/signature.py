"""Who signed a block map: a detached CMS signature (RFC 5652) by an X.509 certificate for code signing, as a bundle's.

OpenSSL does both ways; the key may be a file or a PKCS#11 URI that OpenSSL's provider or engine understands.
"""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SECONDS = 60


class SignatureError(Exception):
    """Not signed, or not by one who may; the message says what, where and what to do."""


def sign(content: Path, signature: Path, certificate: Path, key: str) -> None:
    """Writes the signature of `content`; SignatureError with OpenSSL's reason."""
    files = {"-in": str(content), "-out": str(signature), "-signer": str(certificate), "-inkey": key}
    _openssl(
        ("-sign", "-binary", "-md", "sha256", "-outform", "DER"),
        files,
        f"{content}: cannot be signed with {certificate}",
    )


def verify(content: Path, signature: Path, authority: Path) -> str:
    """The signer's common name; SignatureError where anything is wrong, whatever it is."""
    for file, what in ((signature, "no signature"), (authority, "no authority to check the signature by")):
        if not file.is_file():
            raise SignatureError(f"{content}: {what} ({file} is not there); get the whole release again")
    with tempfile.TemporaryDirectory() as folder:
        signer = Path(folder) / "signer.pem"
        files = {"-in": str(signature), "-content": str(content), "-CAfile": str(authority), "-signer": str(signer)}
        _openssl(
            ("-verify", "-binary", "-inform", "DER", "-no-CApath", "-no-CAstore", "-purpose", "any"),
            {**files, "-out": "/dev/null"},
            f"{content}: its signature is refused",
        )
        return _code_signer(signer, content)


def _code_signer(signer: Path, content: Path) -> str:
    found = x509.load_pem_x509_certificate(signer.read_bytes())
    try:
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    if ExtendedKeyUsageOID.CODE_SIGNING not in usage:
        raise SignatureError(f"{content}: signed by a certificate that is not for code signing; ask who published it")
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else "(no name)"


def _openssl(flags: Sequence[str], files: Mapping[str, str], what: str) -> None:
    words = [word for pair in files.items() for word in pair]
    try:
        subprocess.run(["openssl", "cms", *flags, *words], check=True, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError as error:
        raise SignatureError(f"{what}: openssl is not on this machine; install it") from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise SignatureError(f"{what}: {_reason(error.stderr)}; do not use it, get the release again") from error


def _reason(words: str | bytes | None) -> str:
    """The line in which OpenSSL names the cause."""
    lines = (words.decode(errors="replace") if isinstance(words, bytes) else words or "no answer").splitlines()
    causes = [line for line in lines if "error:" in line.lower()] or lines[-1:] or ["no reason given"]
    return causes[-1].split(":lib")[0].split(":crypto")[0][:200]
