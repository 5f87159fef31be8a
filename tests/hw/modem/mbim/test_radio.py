"""The modem's answers, by what its network and its user do."""

import struct

import pytest

from hw.modem.mbim.messages import BASIC_CONNECT, Cid, Command, fields
from hw.modem.mbim.radio import ADDRESS, GATEWAY, MTU, PREFIX, Radio, services


def ask(radio: Radio, cid: Cid, content: bytes = b"", sets: bool = False) -> bytes:
    said = radio.answer(Command(1, BASIC_CONNECT, cid, sets, content))
    assert said is not None
    return said


def words(said: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}I", said)


def connect(radio: Radio, on: bool) -> int:
    """The bearer's state afterwards."""
    return words(ask(radio, Cid.CONNECT, fields("IISSSIII16s", 0, on, "agency", "", "", 0, 0, 0, bytes(16)), True), 2)[
        1
    ]


def test_it_is_connected_with_the_access_point_that_is_named_and_let_go() -> None:
    radio = Radio()
    assert connect(radio, True) == 1
    assert (radio.connected, radio.apn) == (True, "agency")
    assert connect(radio, False) == 3
    assert (radio.connected, radio.apn) == (False, "")


def test_without_a_network_nothing_is_connected() -> None:
    radio = Radio()
    radio.registered = False
    assert connect(radio, True) == 3
    assert words(ask(radio, Cid.REGISTER_STATE), 2)[1] == 2
    assert words(ask(radio, Cid.PACKET_SERVICE), 2)[1] == 4


def test_switched_off_it_is_in_no_network() -> None:
    radio = Radio()
    assert words(ask(radio, Cid.RADIO_STATE, struct.pack("<I", 0), True), 2) == (1, 0)
    assert words(ask(radio, Cid.REGISTER_STATE), 2)[1] == 2


def test_its_addresses_lie_where_it_says() -> None:
    said = ask(Radio(), Cid.IP_CONFIGURATION)
    count, at, gateway_at, mtu = (struct.unpack_from("<I", said, 4 * index)[0] for index in (3, 4, 7, 13))
    assert (count, struct.unpack_from("<I", said, at)[0], mtu) == (1, PREFIX, MTU)
    assert (said[at + 4 : at + 8], said[gateway_at : gateway_at + 4]) == (bytes(ADDRESS), bytes(GATEWAY))


@pytest.mark.parametrize(("dbm", "wanted"), [(-113, 0), (-71, 21), (-51, 31), (-20, 31), (-130, 0)])
def test_signal_in_the_steps_of_27_007(dbm: int, wanted: int) -> None:
    radio = Radio()
    radio.signal_dbm = dbm
    assert words(ask(radio, Cid.SIGNAL_STATE), 1)[0] == wanted


def test_it_says_what_it_answers_and_answers_all_of_it() -> None:
    radio, said = Radio(), services()
    at, length = struct.unpack_from("<II", said, 8)
    told = struct.unpack_from(f"<{len(Cid)}I", said, at + 28)
    assert (told, at + length) == (tuple(Cid), len(said))
    for cid in Cid:
        assert ask(radio, cid) or cid == Cid.SUBSCRIBE_LIST
    assert radio.answer(Command(1, bytes(16), Cid.PIN, False, b"")) is None
