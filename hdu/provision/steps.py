"""Provisioning in its two steps, begin and finish, on a `Store`: each changes everything or nothing."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509
from msgspec import Struct

from firmware.certificates import NOT_SOUND
from hdu.provision import identity, site_file
from hdu.provision.answers import Answers
from hdu.provision.identity import Keys, Provisioned, Refused
from hdu.provision.store import SECRET, File, Store
from hub.enrolment import Grant, read_grant, read_request

REQUEST, SITE, ANSWERS, KEYS = "request.json", "site-file.toml", "answers.json", "keys.json"


class Pending(Struct, frozen=True):
    """What `begin` left."""

    site: bytes
    answers: Answers
    keys: Keys
    request: bytes


def begin(store: Store, site: bytes, answers: Answers, new_keys: bool) -> bytes:
    """Keeps answers and keys, and returns the request. The same unit keeps its keys, unless they are to be new."""
    keys = (None if new_keys else known_keys(store, answers.unit)) or identity.make_keys()
    asked = identity.request(answers.unit, keys)
    store.keep_pending(kept(Pending(site, answers, keys, asked)))
    return asked


def pending(store: Store) -> Pending:
    """What was begun last, be it finished or not; Refused where nothing was."""
    at = store.pending if store.pending.exists() else store.folder() or store.pending
    try:
        parts = [(at / name).read_bytes() for name in (SITE, ANSWERS, KEYS, REQUEST)]
        answers = msgspec.json.decode(parts[1], type=Answers)
        return Pending(parts[0], answers, msgspec.json.decode(parts[2], type=Keys), parts[3])
    except FileNotFoundError as error:
        raise Refused("nothing was begun on this unit; first: hdu provision begin") from error
    except msgspec.DecodeError as error:
        raise Refused(f"{at}: cannot be read ({error}); begin again with: hdu provision begin") from error


def known_keys(store: Store, unit: str) -> Keys | None:
    """The keys this unit has made already, under this name."""
    for at in (store.pending, store.folder()):
        try:
            if at is not None and _unit(at) == unit:
                return msgspec.json.decode((at / KEYS).read_bytes(), type=Keys)
        except (OSError, msgspec.DecodeError):
            continue
    return None


def _unit(at: Path) -> str:
    return msgspec.json.decode((at / ANSWERS).read_bytes(), type=Answers).unit


def finish(store: Store, grant: bytes, seen: Path) -> Path:
    """The folder now in force; or Refused, EnrolmentError or SiteFileRefused, and nothing has changed.

    `seen` is where the services see that folder. The same grant may be given again, and a newer one to renew.
    """
    found = pending(store)
    site = site_file.read(found.site, SITE)
    given = read_grant(grant, x509.load_pem_x509_certificate(site.authority.encode()))
    made = identity.files(site, found.answers, found.keys, given, seen, _now(given).isoformat(timespec="seconds"))
    return store.commit({**made, **kept(found)})


def _now(given: Grant) -> datetime:
    """A unit at its first start may have no clock yet, but it is no earlier than when its certificate was made."""
    try:
        made = x509.load_pem_x509_certificate(given.certificate.encode()).not_valid_before_utc
    except NOT_SOUND:
        made = datetime.min.replace(tzinfo=UTC)  # identity.files says what is wrong with it
    return max(datetime.now(UTC), made)


def kept(begun: Pending) -> dict[str, File]:
    """As files."""
    return {
        SITE: File(begun.site),
        ANSWERS: File(msgspec.json.encode(begun.answers)),
        KEYS: File(msgspec.json.encode(begun.keys), SECRET),
        REQUEST: File(begun.request),
    }


def provisioned(store: Store) -> Provisioned:
    """What is in force; Refused for a blank unit."""
    folder = store.folder()
    try:
        if folder is None:
            raise FileNotFoundError
        return msgspec.json.decode((folder / "provisioned.json").read_bytes(), type=Provisioned)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused("this unit is not provisioned; first: hdu provision begin") from error


def known(store: Store) -> dict[str, str]:
    """The answers of last time, by field; empty on a blank unit."""
    try:
        found: dict[str, str] = msgspec.to_builtins(pending(store).answers)
    except (Refused, OSError):
        return {}
    return found


def asked(store: Store) -> str:
    """The unit that the pending request is for; empty for none."""
    try:
        return read_request((store.pending / REQUEST).read_bytes())[0].unit
    except (OSError, ValueError):
        return ""
