"""The steps at the agency and its flash station."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509

from hdu.failure import Failure
from hdu.provision import answers, on_unit, site_file
from hdu.provision.files import print_papers, read, write
from hdu.provision.identity import Provisioned
from hdu.provision.stick import GRANT, LABELS, REQUEST, SITE, Stick
from hub.enrolment import read_request


def site(given: argparse.Namespace) -> None:
    """The site file."""
    from hdu.provision.making_site import make

    lte = site_file.Lte(
        apn=given.apn,
        user=given.apn_user,
        password=_password(given.apn_password_file),
        roaming=given.roaming,
    )
    made = make(given.authority, given.agency, given.helpline, given.hub, given.settings, given.unit, lte)
    write(given.to, made)
    secret = "keep it as secret as the access point's password" if lte.password else "it holds nothing secret"
    print(f"{given.to}: the site file of {given.agency}; {secret}")


def _password(file: Path | None) -> str:
    return read(file).decode(errors="replace").strip() if file else ""


def prepare(given: argparse.Namespace) -> None:
    """Site file and labels onto a card that is flashed."""
    from hdu.provision import station

    data, stick = read(given.site), station.card(given.card)
    found = on_unit.asked(given, {}, site_file.read(data, str(given.site)).has_lte)
    station.prepare(stick, data, found)
    print(f"{found.unit}: {stick.where} is ready; start the unit with this card")


def sign(given: argparse.Namespace) -> None:
    """The request checked, the unit registered, the grant written: to the card where the request lay on one."""
    from hdu.provision import station
    from hub.agency import Agency

    stick = station.folder_of(given.request)
    data = read(Path(given.request)) if stick is None else stick.read(REQUEST)
    if data is None:
        raise Failure(f"hdu provision: {given.request}: no {REQUEST} on this card; start the unit with it first")
    told, agency = _told(data, stick) if given.papers else None, Agency(given.authority)
    if stick and not _ours(stick.read(SITE), agency.authority.certificate):
        raise Failure(f"hdu provision: {given.request}: its {SITE} is another agency's; hdu provision prepare it anew")
    grant, content = agency.grant(data, given.replace)
    if told:
        print_papers(msgspec.structs.replace(told, number=grant.number), given.papers)
    done = f"{grant.unit}: number {grant.number}; the grant is in"
    if stick and given.to is None:
        stick.write(GRANT, content)
        print(f"{done} {stick.where}; start the unit with this card")
    else:
        to = given.to or Path(given.request).with_name(f"{grant.unit}.grant.json")
        write(to, content)
        print(f"{done} {to}; on the unit: hdu provision finish {to}")


def _ours(site: bytes | None, authority: x509.Certificate) -> bool:
    """Whether the unit will take this agency's grant; so, too, where the file is gone and the unit keeps its own."""
    if site is None:
        return True
    return x509.load_pem_x509_certificate(site_file.read(site, SITE).authority.encode()) == authority


def _told(request: bytes, stick: Stick | None) -> Provisioned:
    """What label and card tell, but for the number; by what the unit's card says of it."""
    if stick is None:
        raise Failure("hdu provision: --papers needs what is on the card; name the card, not the request", status=2)
    site, labels, unit = stick.read(SITE), stick.read(LABELS), read_request(request)[0].unit
    if not (site and labels):
        raise Failure(f"hdu provision: no papers: {SITE} or {LABELS} is not on this card; put both there")
    of = site_file.read(site, SITE)
    found = answers.in_file(labels, LABELS, of.has_lte)
    if found.unit != unit:
        raise Failure(f"hdu provision: the request is {unit}'s, {LABELS} {found.unit}'s; start the unit with it first")
    return Provisioned(of.agency, of.helpline, 0, datetime.now(UTC).isoformat(timespec="seconds"), found)
