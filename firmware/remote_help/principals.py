"""sshd asks: for whom is this certificate good? `python -m firmware.remote_help.principals UNIT CERTIFICATE`

Prints the unit's name, which the certificate must then carry as a principal, where it was made for LONGEST_S at most;
nothing otherwise, which refuses it. That the agency signed it and that it is not over is sshd's to see.
"""

import sys

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

LONGEST_S = 24 * 3600
KINDS = (
    b"ssh-ed25519-cert-v01@openssh.com",
    b"ecdsa-sha2-nistp256-cert-v01@openssh.com",
    b"ssh-rsa-cert-v01@openssh.com",
)


def lasts_s(certificate: bytes) -> int | None:
    """How long it was made for; None where it is no certificate that can be read. `certificate` is base64."""
    for kind in KINDS:
        try:
            found = load_ssh_public_identity(kind + b" " + certificate)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(found, SSHCertificate):
            return found.valid_before - found.valid_after
    return None


def principal(unit: str, certificate: bytes) -> str:
    """The unit's name, or nothing."""
    lasts = lasts_s(certificate)
    return unit if lasts is not None and 0 < lasts <= LONGEST_S else ""


if __name__ == "__main__":
    print(principal(sys.argv[1], sys.argv[2].encode()))
