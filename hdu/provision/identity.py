"""Every file of one unit's identity, from the site file, the answers, the unit's own keys and the grant. Pure.

site.toml  unit.toml  probe.key             as firmware.configfile and the uplinks service read them
tls/ca.pem  tls/unit.pem  tls/unit.key      the connection to the hub
profiles/*.nmconnection                     tunnels and LTE, for NetworkManager (firmware.failover.profiles)
provisioned.json                            what was answered and when: for label, card and report
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from msgspec import Struct

from firmware.certificates import NOT_SOUND
from firmware.config import Section, Site, UnitFile
from firmware.configfile import parse, seal
from firmware.failover import probing, tunnels
from firmware.failover.profiles import keyfiles, mobile
from hdu.provision import toml
from hdu.provision.answers import Answers
from hdu.provision.site_file import SiteFile
from hdu.provision.store import SECRET, SERVICES, File
from hub import sealing
from hub.enrolment import PROBING, Grant, Request, certificate_request, sign
from hub.tunnel_keys import public_key, tunnel_key


class Refused(ValueError):
    """The parts do not belong together; the message says which, and what to do."""


class Keys(Struct, frozen=True):
    """The unit's private keys: PEM (PKCS#8) and, by tunnel, as wg(8) writes them. They never leave the unit."""

    certificate: str
    tunnels: dict[str, str]


class Provisioned(Struct, frozen=True):
    """What label, card and report tell of a unit."""

    agency: str
    helpline: str
    number: int
    at: str
    answers: Answers


def make_keys() -> Keys:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Keys(pem, {tunnel.interface: tunnel_key() for tunnel in tunnels.ALL})


def private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Refused where it is no key of ours."""
    try:
        found = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise Refused("the unit's own key cannot be read; begin again with: hdu provision begin --new-keys") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise Refused("the unit's own key is of another kind; begin again with: hdu provision begin --new-keys")
    return found


def request(unit: str, keys: Keys) -> bytes:
    """The request's file."""
    key = private_key(keys.certificate)
    public = {interface: public_key(private) for interface, private in keys.tunnels.items()}
    asked = Request(unit=unit, certificate_request=certificate_request(unit, key), tunnels=public)
    return sign(asked, key)


def check(grant: Grant, site: SiteFile, answers: Answers, keys: Keys) -> bytes:
    """Whether the grant is for this unit and its key; returns the probing key. Refused."""
    if grant.unit != answers.unit:
        raise Refused(f"the grant is for {grant.unit}, this unit is {answers.unit}; take the right file")
    authority = x509.load_pem_x509_certificate(site.authority.encode())
    key = private_key(keys.certificate)
    try:
        found = x509.load_pem_x509_certificate(grant.certificate.encode())
        found.verify_directly_issued_by(authority)
        names = [str(name.value) for name in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        ours = found.public_key() == key.public_key() and names == [answers.unit]
    except NOT_SOUND as error:
        raise Refused("the grant's certificate is not the agency's; sign the request again") from error
    if not ours:
        raise Refused("the grant answers an older request; sign the newest one")
    try:
        return sealing.unseal(grant.probing, key, PROBING + answers.unit)
    except sealing.SealBroken as error:
        raise Refused(f"the grant's probing key: {error}; sign the request again") from error


def unit_table(site: SiteFile, answers: Answers, number: int, folder: Path) -> dict[str, Any]:
    """unit.toml: the site's part, and this unit's own. `folder` is where the services see these files."""
    vendor, product, serial = (*answers.headset.split(":"), "")[:3]
    headset = {"vendor_id": vendor, "product_id": product} | ({"serial": serial} if serial else {})
    softphone = {"listen_address": tunnels.VOICE.unit(number)}
    tls = {"authority": "tls/ca.pem", "certificate": "tls/unit.pem", "key": "tls/unit.key"}
    return {
        **site.unit,
        "name": answers.unit,
        "probing_key": str(folder / "probe.key"),
        "headset": site.unit.get("headset", {}) | headset,
        "softphone": site.unit.get("softphone", {}) | softphone,
        "modem": site.unit.get("modem", {}) | {"sim": answers.sim},
        "certificates": {name: str(folder / file) for name, file in tls.items()},
    }


def files(site: SiteFile, answers: Answers, keys: Keys, grant: Grant, folder: Path, at: str) -> dict[str, File]:
    """All of it, each as its reader reads it; Refused where it does not."""
    secret = check(grant, site, answers, keys)
    told = Provisioned(site.agency, site.helpline, grant.number, at, answers)
    made = {
        "site.toml": File(seal(toml.text(site.site).encode())),
        "unit.toml": File(seal(toml.text(unit_table(site, answers, grant.number, folder)).encode())),
        "probe.key": File(secret.hex().encode() + b"\n", SERVICES),
        "tls/ca.pem": File(site.authority.encode()),
        "tls/unit.pem": File(grant.certificate.encode()),
        "tls/unit.key": File(keys.certificate.encode(), SERVICES),
        "provisioned.json": File(msgspec.json.encode(told)),
    }
    profiles = keyfiles(grant.number, site.hub, keys.tunnels, site.tunnels)
    if site.has_lte:
        profiles |= mobile(site.lte.apn, site.lte.user, site.lte.password, site.lte.roaming)
    for name, text in profiles.items():
        made[f"profiles/{name}"] = File(text.encode(), SECRET)
    _read_back(made)
    return made


def _read_back(made: dict[str, File]) -> None:
    """As the services will read it."""
    faults: list[str] = []
    kinds: tuple[tuple[str, type[Section]], ...] = (("site.toml", Site), ("unit.toml", UnitFile))
    for name, kind in kinds:
        parse(kind, tomllib.loads(made[name].content.decode()), name, faults)
    if faults:
        raise Refused("; ".join(faults))
    probing.key(made["probe.key"].content.decode())
