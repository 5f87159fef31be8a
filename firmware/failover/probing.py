"""The probe and its answer on the wire: small, authenticated both ways, and of no use to anyone who replays them.

    probe   version 1 | unit 6 | sequence 4 | sent_us 7 | nonce 4 | tag 8      30 bytes, 58 with IPv4 and UDP
    answer  version 1 | sequence 4 | hub_us 7 | fresh 1 | tag 8                21 bytes, 49 with IPv4 and UDP

All numbers are big-endian, times are microseconds since 1970. A tag is BLAKE2s (RFC 7693) keyed with the unit's key and
cut to 8 bytes; that of the answer covers the whole probe, so an answer fits one probe of one unit only. The answer is
shorter than the probe: nobody can use the hub to make traffic larger. The hub keeps no state and no list: a unit's key
is derived from the site's probing key and the unit's name. `fresh` is 0 where the probe's time is off by more than
MAX_SKEW_S; `hub_us` then tells the unit what time it is.
"""

import hashlib
import hmac
import struct

from msgspec import Struct

VERSION = 0xA1
PROBE, ANSWER = struct.Struct("!B6sI7s4s"), struct.Struct("!BI7sB")
TAG = 8
PROBE_BYTES, ANSWER_BYTES = PROBE.size + TAG, ANSWER.size + TAG
HEADERS_BYTES = 28  # IPv4 20 (RFC 791), UDP 8 (RFC 768)
EXCHANGE_BYTES = PROBE_BYTES + ANSWER_BYTES + 2 * HEADERS_BYTES
MAX_SKEW_S = 30.0
KEY = 32


class BadKey(ValueError):
    """The probing key cannot be used; the message says what is wrong with it."""


class Probe(Struct, frozen=True):
    """What the unit asks. `nonce` is fresh random bytes; `sent_us` is our idea of the hub's time."""

    unit: bytes
    sequence: int
    sent_us: int
    nonce: bytes


class Answer(Struct, frozen=True):
    """What the hub says: to which probe, and when that was there on its clock; `fresh` whether our time was right."""

    sequence: int
    hub_us: int
    fresh: bool


def identity(unit: str) -> bytes:
    """Six bytes that stand for a unit's name."""
    return hashlib.blake2s(unit.encode(), digest_size=6, person=b"hdu-unit").digest()


def unit_key(site_key: bytes, unit: bytes) -> bytes:
    """The key of one unit (by `identity`): what provisioning puts on it, so that a stolen unit gives away no other."""
    return hashlib.blake2s(unit, key=site_key, digest_size=KEY, person=b"hdu-key").digest()


def key(text: str) -> bytes:
    """A key from its file: 64 hexadecimal digits; BadKey for anything else."""
    try:
        found = bytes.fromhex(text.strip())
    except ValueError as error:
        raise BadKey("probing key: not hexadecimal; provision it again") from error
    if len(found) != KEY:
        raise BadKey(f"probing key: {len(found)} bytes, {KEY} are needed; provision it again")
    return found


def ask(probe: Probe, secret: bytes) -> bytes:
    """The datagram of `probe`."""
    return _tagged(PROBE.pack(VERSION, probe.unit, probe.sequence, _seven(probe.sent_us), probe.nonce), secret)


def asked(datagram: bytes, site_key: bytes) -> Probe | None:
    """The probe in a datagram that came to the hub; None for anything that is not a unit's own, whole probe."""
    if len(datagram) != PROBE_BYTES or datagram[0] != VERSION:
        return None
    _, unit, sequence, sent_us, nonce = PROBE.unpack_from(datagram)
    body, tag = datagram[:-TAG], datagram[-TAG:]
    if not hmac.compare_digest(tag, _tag(body, unit_key(site_key, unit))):
        return None
    return Probe(unit, sequence, int.from_bytes(sent_us, "big"), nonce)


def answer(datagram: bytes, probe: Probe, site_key: bytes, hub_us: int) -> bytes:
    """The hub's answer to `probe`, which came in `datagram`."""
    fresh = abs(hub_us - probe.sent_us) <= MAX_SKEW_S * 1e6
    body = ANSWER.pack(VERSION, probe.sequence, _seven(hub_us), fresh)
    return body + _tag(datagram + body, unit_key(site_key, probe.unit))


def sequence(datagram: bytes) -> int | None:
    """Which probe a datagram claims to answer; not yet to be believed."""
    if len(datagram) != ANSWER_BYTES or datagram[0] != VERSION:
        return None
    return int(ANSWER.unpack_from(datagram)[1])


def answered(datagram: bytes, probe: bytes, secret: bytes) -> Answer | None:
    """The hub's answer to the datagram `probe` of ours; None where it is not that."""
    if len(datagram) != ANSWER_BYTES or datagram[0] != VERSION:
        return None
    body, tag = datagram[:-TAG], datagram[-TAG:]
    if not hmac.compare_digest(tag, _tag(probe + body, secret)):
        return None
    _, number, hub_us, fresh = ANSWER.unpack(body)
    return Answer(number, int.from_bytes(hub_us, "big"), bool(fresh))


def _tagged(body: bytes, secret: bytes) -> bytes:
    return body + _tag(body, secret)


def _tag(body: bytes, secret: bytes) -> bytes:
    return hashlib.blake2s(body, key=secret, digest_size=TAG).digest()


def _seven(number: int) -> bytes:
    return (number % (1 << 56)).to_bytes(7, "big")
