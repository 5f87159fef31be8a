"""The probe on the wire: what is believed, and by whom."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.failover import probing
from firmware.failover.probing import Probe
from hub.responder import respond

SITE = bytes(range(32))
UNIT = probing.identity("hdu-0001")
SECRET = probing.unit_key(SITE, UNIT)
HUB_US = 1_800_000_000_000_000


def probe(sequence: int = 7, sent_us: int = HUB_US - 12_000) -> Probe:
    return Probe(UNIT, sequence, sent_us, os.urandom(4))


def test_there_and_back() -> None:
    asked = probing.ask(probe(), SECRET)
    answer = respond(asked, SITE, HUB_US)
    assert answer is not None
    assert probing.answered(answer, asked, SECRET) == probing.Answer(7, HUB_US, True)


def test_the_answer_is_never_larger_and_an_exchange_fits_the_idle_month() -> None:
    asked = probing.ask(probe(), SECRET)
    assert len(respond(asked, SITE, HUB_US) or b"") < len(asked)
    assert probing.EXCHANGE_BYTES == 107


@given(st.binary(max_size=80))
def test_the_responder_answers_no_noise(noise: bytes) -> None:
    assert respond(noise, SITE, HUB_US) is None


@given(st.integers(0, probing.PROBE_BYTES * 8 - 1))
def test_one_bit_changed_and_neither_side_believes(bit: int) -> None:
    asked = probing.ask(probe(), SECRET)
    answer = respond(asked, SITE, HUB_US) or b""
    assert respond(flipped(asked, bit), SITE, HUB_US) is None
    if bit < len(answer) * 8:
        assert probing.answered(flipped(answer, bit), asked, SECRET) is None


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_an_answer_fits_its_own_probe_only() -> None:
    first, second = probing.ask(probe(), SECRET), probing.ask(probe(), SECRET)
    assert probing.answered(respond(first, SITE, HUB_US) or b"", second, SECRET) is None


def test_another_units_key_is_of_no_use() -> None:
    other = probing.unit_key(SITE, probing.identity("hdu-0002"))
    assert respond(probing.ask(probe(), other), SITE, HUB_US) is None


@pytest.mark.parametrize(("off_s", "fresh"), [(0, True), (29, True), (31, False), (-31, False), (-1.7e9, False)])
def test_a_probe_of_another_time_is_told_so(off_s: float, fresh: bool) -> None:
    asked = probing.ask(probe(sent_us=HUB_US + int(off_s * 1e6)), SECRET)
    answer = probing.answered(respond(asked, SITE, HUB_US) or b"", asked, SECRET)
    assert answer is not None
    assert answer.fresh is fresh
    assert answer.hub_us == HUB_US


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33])
def test_a_bad_key_says_what_to_do(text: str) -> None:
    with pytest.raises(probing.BadKey, match="provision"):
        probing.key(text)
