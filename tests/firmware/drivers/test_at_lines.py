"""The AT dialogue: whatever the pieces the bytes come in, the lines are the same; no answer is taken for another's."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers.at_lines import CTRL_Z, ESC, LONGEST_LINE, Command, Exchange, split, take, typed, within_s

CSQ = Command("AT+CSQ", r"\+CSQ: ")
MESSAGE = Command('AT+CMGS="+15550100"', r"\+CMGS: ", 60.0, "help", 5.0)


def ended(command: Command, *lines: str) -> Exchange:
    exchange = Exchange(command)
    for line in lines:
        exchange = take(exchange, line).exchange
    return exchange


@given(st.lists(st.binary(max_size=40).filter(lambda part: b"> " not in part)), st.data())
def test_the_lines_do_not_depend_on_the_pieces(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"\r\n".join([b"", *parts, b""])
    _, whole = split(b"", stream)
    at, pieces, kept = 0, list[str](), b""
    while at < len(stream):
        size = data.draw(st.integers(1, 16))
        kept, lines = split(kept, stream[at : at + size])
        pieces += lines
        at += size
    assert pieces == list(whole)


@given(st.binary(max_size=5_000))
def test_no_bytes_are_too_many_or_too_strange(noise: bytes) -> None:
    rest, lines = split(b"", noise)
    assert len(rest) <= LONGEST_LINE
    assert all(line and line.isascii() and line.isprintable() for line in lines)


@given(st.binary(max_size=200).filter(lambda noise: b"\r" not in noise and b"\n" not in noise))
def test_noise_before_an_answer_leaves_the_answer_whole(noise: bytes) -> None:
    _, lines = split(noise, b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n")
    assert lines[-2:] == ("+CSQ: 20,99", "OK")


def test_the_prompt_needs_no_line_end() -> None:
    assert split(b"", b"\r\n> ") == (b"", (">",))
    assert split(b"", b"\r\n>") == (b">", ())


def test_an_answer_is_what_the_command_asked_for() -> None:
    exchange = ended(CSQ, "AT+CSQ", "RING", '+CREG: 1,"1A2B","01C3"', "+CSQ: 20,99", "+CMTI: 3", "OK")
    assert (exchange.final, exchange.lines) == ("ok", ("+CSQ: 20,99",))


def test_what_nobody_asked_for_is_told_and_the_echo_is_not() -> None:
    assert take(Exchange(CSQ), "RING").unsolicited == "RING"
    assert take(Exchange(CSQ), "AT+CSQ") == (Exchange(CSQ), b"", "")


def test_a_late_ok_ends_no_question() -> None:
    assert ended(CSQ, "OK").final == ""
    assert ended(CSQ, "OK", "+CSQ: 3,99", "OK").lines == ("+CSQ: 3,99",)


def test_errors_end_a_command_in_their_own_words() -> None:
    for line in ("ERROR", "+CME ERROR: 10", "+CMS ERROR: 331", "+CME ERROR: SIM busy"):
        exchange = ended(CSQ, line)
        assert (exchange.final, exchange.error) == ("error", line)
    assert ended(CSQ, "NO ERROR HERE").final == ""


def test_the_body_is_typed_once_at_the_prompt() -> None:
    step = take(Exchange(MESSAGE), ">")
    assert step.write == b"help" + CTRL_Z and step.exchange.typed
    assert take(step.exchange, ">").write == ESC
    assert take(Exchange(CSQ), ">").write == ESC


def test_a_message_is_sent_only_when_the_network_gave_it_a_number() -> None:
    assert ended(MESSAGE, ">", "> help", "OK").final == ""
    assert ended(MESSAGE, ">", "> help", "+CMGS: 7", "OK").final == "ok"


def test_the_prompt_has_its_own_time() -> None:
    assert within_s(Exchange(MESSAGE)) == 5.0
    assert within_s(ended(MESSAGE, ">")) == 60.0
    assert within_s(Exchange(CSQ)) == CSQ.within_s


def test_a_command_line_ends_with_a_return() -> None:
    assert typed(CSQ) == b"AT+CSQ\r"
