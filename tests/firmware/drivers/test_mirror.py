"""The mirror as the kernel tells of it. A real one is in tests/lab/test_kernel_voice.py; this kernel may have none."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from firmware.drivers.mirror import MIRRED, mirrors, targets


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def told(target: int, classifier: bytes = b"matchall", action: bytes = b"mirred") -> bytes:
    """One message of a filter dump, built as linux/pkt_cls.h and linux/tc_act/tc_mirred.h lay it out."""
    parameters = attribute(2, MIRRED.pack(1, 0, 3, 1, 1, 2, target))
    one = attribute(1, attribute(1, action + b"\0") + attribute(2 | 0x8000, parameters))
    body = attribute(1, classifier + b"\0") + attribute(2, attribute(2, one))
    tcmsg = struct.pack("=BxHiIII", 0, 0, 7, 1, 0x10000, 0)
    return struct.pack("=IHHII", 36 + len(body), 44, 2, 1, 0) + tcmsg + body


def test_the_target_is_read() -> None:
    assert list(targets(told(12) + told(13))) == [12, 13]


def test_a_target_that_is_gone_is_no_interface() -> None:
    assert list(targets(told(0))) == [0]


def test_other_filters_and_actions_are_none_of_ours() -> None:
    assert list(targets(told(12, classifier=b"u32") + told(12, action=b"gact"))) == []


@example(200, bytes(40))  # a message that says it is of no length
@given(st.integers(0, 200), st.binary(max_size=40))
def test_what_is_cut_short_or_nonsense_hurts_nobody(cut: int, tail: bytes) -> None:
    """No tail is long enough for another mirror, and one that came whole is found whatever follows."""
    found = list(targets(told(12)[:cut] + tail))
    assert len(found) <= 1 and (cut < len(told(12)) or found == [12])


def test_where_an_interface_is_not_there_nothing_is_known() -> None:
    assert mirrors("lo", "no-such-one") is None


def test_an_interface_without_a_mirror_mirrors_nothing() -> None:
    assert mirrors("lo", "lo") is False
