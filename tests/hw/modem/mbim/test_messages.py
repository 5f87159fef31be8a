"""The bytes of MBIM's messages, by hand."""

from hw.modem.mbim import messages
from hw.modem.mbim.messages import BASIC_CONNECT, Cid


def test_fields_with_strings_behind_them() -> None:
    made = messages.fields("ISI", 7, "ab", 9)
    assert made.hex(" ", 4) == "07000000 10000000 04000000 09000000 61006200"


def test_a_string_is_filled_up_to_four_and_the_next_lies_behind() -> None:
    made = messages.fields("SS", "abc", "d")
    assert made.hex(" ", 4) == "10000000 06000000 18000000 02000000 61006200 63000000 64000000"


def test_an_empty_string_lies_nowhere() -> None:
    assert messages.fields("S", "") == bytes(8)


def test_a_command_is_read_and_answered_under_its_number() -> None:
    head = messages.FRAGMENT.pack(1, 0) + messages.COMMAND_HEAD.pack(BASIC_CONNECT, Cid.PIN, 1, 3)
    asked = messages.command(messages.framed(messages.COMMAND, 5, head + b"abc"))
    assert asked == messages.Command(5, BASIC_CONNECT, Cid.PIN, True, b"abc")
    answer = messages.answered(asked, b"yes!")
    assert messages.kind_of(answer) == (0x80000003, 5)
    assert answer[-8:] == b"\x04\0\0\0yes!"
    assert len(answer) == int.from_bytes(answer[4:8], "little")


def test_what_is_not_known_is_said_to_be_unsupported() -> None:
    asked = messages.Command(1, bytes(16), 99, False, b"")
    assert messages.answered(asked, None)[-8:] == b"\x09\0\0\0\0\0\0\0"
