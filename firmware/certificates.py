"""What the X.509 library raises for what is no sound certificate or request: its errors have no common base."""

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

NOT_SOUND = (
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
