"""The site file: everything about the agency that a unit needs, for all its units alike. TOML, made by
`hdu provision site`; it holds nothing secret.

    agency     its name, as people know it          helpline   who a dispatcher rings, as printed on the card
    authority  the certificate authority (PEM)      hub        the hub's address on the internet
    [tunnels]  interface = the hub's public key     [site]     site.toml in full
    [lte]      the operator's access point          [unit]     unit.toml but for what is one unit's own (uplinks, modem)

An access point with a password is the one exception: such a file is to be kept as the password is.
"""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Meta

from firmware.certificates import NOT_SOUND
from firmware.config import Section, Site, UnitFile
from firmware.configfile import parse
from firmware.failover.tunnels import ALL
from hdu.provision import toml
from hub.enrolment import Pem, TunnelKey

LONGEST_BYTES = 64 * 1024
OWN = {  # of unit.toml: what provisioning fills in
    "": ("name", "certificates", "probing_key"),
    "headset": ("vendor_id", "product_id", "serial", "usb_port"),
    "softphone": ("listen_address", "user"),
    "modem": ("sim",),
}
Line = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
Address = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")]


class Lte(Section, frozen=True):
    """How the operator's network is entered: the APN (3GPP TS 23.003, 9.1), and a name and password where it asks."""

    apn: Annotated[str, Meta(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]{0,98}[A-Za-z0-9])?)?$")] = ""
    user: Annotated[str, Meta(max_length=64, pattern=r"^[!-~]*$")] = ""
    password: Annotated[str, Meta(max_length=64, pattern=r"^[!-~]*$")] = ""
    roaming: bool = False


class SiteFile(Section, frozen=True):
    """The file, checked. `site` and `unit` are the tables as written, each value within its bound."""

    agency: Line
    helpline: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]
    authority: Pem
    hub: Address
    tunnels: dict[str, TunnelKey]
    lte: Lte = Lte()
    site: dict[str, Any] = msgspec.field(default_factory=dict)
    unit: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def has_lte(self) -> bool:
        """Whether these units have a SIM."""
        faults: list[str] = []
        return any(uplink.kind == "lte" for uplink in parse(UnitFile, self.unit, "", faults).uplinks)


class SiteFileRefused(ValueError):
    """Every fault of the file, one to a line; each says what, where and what is allowed."""


def read(data: bytes, where: str) -> SiteFile:
    """The file; SiteFileRefused for anything that is not whole, known and within bounds."""
    table = _table(data, where)
    faults = _settings(table, where)
    try:
        found = msgspec.convert(table, SiteFile)
    except (msgspec.ValidationError, RecursionError) as error:
        raise SiteFileRefused("\n".join([f"{where}: {_one_line(error)}; get the site file again", *faults])) from error
    if set(found.tunnels) != {tunnel.interface for tunnel in ALL}:
        wanted = ", ".join(tunnel.interface for tunnel in ALL)
        faults.append(f"{where}: [tunnels] must have exactly {wanted}; get the site file again")
    if found.has_lte and not found.lte.apn:
        faults.append(f"{where}: [lte] names no apn, and these units have an LTE uplink; make it with --apn")
    faults += [*_authority(found.authority, where), *_unwritable(found, where)]
    if faults:
        raise SiteFileRefused("\n".join(faults))
    return found


def _table(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > LONGEST_BYTES:
        raise SiteFileRefused(f"{where}: {len(data)} bytes is too long for a site file; get the right file")
    try:
        return tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise SiteFileRefused(f"{where}: cannot be read: {_one_line(error)}; get the site file again") from error


def _settings(table: dict[str, Any], where: str) -> list[str]:
    """Faults of the two tables that become site.toml and unit.toml."""
    faults: list[str] = []
    kinds: tuple[tuple[str, type[Section]], ...] = (("site", Site), ("unit", UnitFile))
    for key, kind in kinds:
        if isinstance(inner := table.get(key), dict):
            try:
                parse(kind, inner, f"{where}: {key}", faults)
            except (RecursionError, OverflowError) as error:
                faults.append(f"{where}: {key}: {_one_line(error)}; get the site file again")
    return faults + [f"{where}: unit: {key} is each unit's own; leave it out of the site file" for key in _own(table)]


def _own(table: dict[str, Any]) -> Iterator[str]:
    unit = table.get("unit")
    for section, keys in OWN.items():
        inner = unit.get(section) if section and isinstance(unit, dict) else unit
        yield from (f"{section} {key}".strip() for key in keys if isinstance(inner, dict) and key in inner)


def _unwritable(found: SiteFile, where: str) -> Iterator[str]:
    for name, table in (("site", found.site), ("unit", found.unit)):
        try:
            toml.text(table)
        except (ValueError, RecursionError) as error:
            yield f"{where}: {name}: {_one_line(error)}; get the site file again"


def _authority(pem: str, where: str) -> list[str]:
    again = "get the site file again"
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        is_authority = is_authority and isinstance(found.public_key(), ec.EllipticCurvePublicKey)
        expired = found.not_valid_after_utc < datetime.now(UTC)
    except NOT_SOUND as error:
        return [f"{where}: authority is no certificate ({_one_line(error)}); {again}"]
    faults = (
        [] if is_authority else [f"{where}: authority is a certificate, but not an authority's with an EC key; {again}"]
    )
    return faults + (
        [f"{where}: authority expired on {found.not_valid_after_utc:%Y-%m-%d}; {again}"] if expired else []
    )


def _one_line(error: Exception) -> str:
    return " ".join(repr(str(error))[1:-1].split())[:300]
