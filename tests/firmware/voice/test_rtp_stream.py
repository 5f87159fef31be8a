"""Counting RTP: by table, and by hypothesis over loss, order, duplicates and the wrap of the sequence number."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.voice.rtp_stream import Packet, Stream, count, parse, pause, waited

CLOCK_HZ = 8_000
FRAME_S = 0.02


def packet(number: int, at_s: float | None = None, ssrc: int = 1) -> Packet:
    """The `number`th packet of a stream with 20 ms each; on time unless told."""
    timestamp = int(number * FRAME_S * CLOCK_HZ)
    sequence = number % 0x10000
    return Packet(
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload_type=0,
        at_s=number * FRAME_S if at_s is None else at_s,
    )


def counted(*packets: Packet) -> Stream:
    stream = Stream()
    for each in packets:
        stream = count(stream, each, CLOCK_HZ)
    return stream


def test_before_the_first_packet_loss_is_unknown() -> None:
    assert (Stream().expected, Stream().lost, Stream().loss) == (0, 0, None)


def test_all_on_time() -> None:
    stream = counted(*(packet(number) for number in range(100)))
    assert (stream.received, stream.lost, stream.loss) == (100, 0, 0.0)
    assert stream.longest_gap_ms == pytest.approx(20)
    assert stream.jitter_ms == pytest.approx(0, abs=1e-6)


def test_three_in_a_row_lost_is_a_gap_of_four_frames() -> None:
    stream = counted(*(packet(number) for number in [0, 1, 2, 6, 7]))
    assert (stream.lost, stream.loss) == (3, 3 / 8)
    assert stream.longest_gap_ms == pytest.approx(80)


def test_late_is_not_lost() -> None:
    assert counted(packet(0), packet(2), packet(1, 0.05), packet(3)).lost == 0
    last_is_late = counted(packet(0), packet(2), packet(1, 0.05))
    assert (last_is_late.expected, last_is_late.lost) == (3, 0)


def test_twice_is_counted_as_received_and_never_makes_less_than_nothing_lost() -> None:
    assert counted(packet(0), packet(3), packet(3)).lost == 1
    assert counted(packet(0), packet(0), packet(1), packet(1)).lost == 0


def test_a_loss_right_at_the_wrap_is_a_loss() -> None:
    assert counted(packet(65_534), packet(65_535), packet(65_537)).lost == 1


def test_jitter_is_the_sixteenth_of_each_deviation() -> None:
    """RFC 3550, A.8: J += (|D| - J) / 16; one packet 16 ms late, and the next in step with it."""
    late = counted(packet(0, 0.0), packet(1, 0.036))
    assert late.jitter_ms == pytest.approx(1.0)
    assert count(late, packet(2, 0.056), CLOCK_HZ).jitter_ms == pytest.approx(15 / 16)


def test_a_new_source_begins_anew_and_keeps_what_was_lost() -> None:
    stream = counted(packet(0), packet(2), packet(40_000, 0.06, ssrc=2), packet(40_001, 0.08, ssrc=2))
    assert (stream.expected, stream.received, stream.lost) == (5, 4, 1)


def test_a_hold_is_no_gap_and_no_loss() -> None:
    stream = pause(counted(packet(0), packet(1), packet(3)))
    stream = count(stream, packet(500), CLOCK_HZ)
    assert stream.lost == 1
    assert stream.longest_gap_ms == pytest.approx(40)


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 198)), st.randoms(use_true_random=False))
def test_lost_is_what_did_not_come_whatever_the_order_and_the_wrap(first: int, gone: set[int], random: object) -> None:
    numbers = [number for number in range(200) if number not in gone]
    shuffled = [numbers[0], *_nearly(numbers[1:-1], random), numbers[-1]]
    stream = counted(*(packet(first + number) for number in shuffled))
    assert stream.lost == len(gone)
    assert stream.expected == 200


def _nearly(numbers: list[int], random: object) -> list[int]:
    """Neighbours change places here and there."""
    numbers = list(numbers)
    for index in range(0, len(numbers) - 1, 2):
        if random.random() < 0.5:  # type: ignore[attr-defined]
            numbers[index], numbers[index + 1] = numbers[index + 1], numbers[index]
    return numbers


def test_a_header_is_read_and_what_is_none_is_not() -> None:
    data = struct.pack("!BBHII", 0x80, 0x80 | 111, 65_535, 960, 0xDEADBEEF) + bytes(20)
    assert parse(data, 1.5) == Packet(sequence=65_535, timestamp=960, ssrc=0xDEADBEEF, payload_type=111, at_s=1.5)
    assert parse(data[:11], 1.5) is None
    assert parse(b"\x16" + data[1:], 1.5) is None  # a DTLS handshake on the same port, RFC 7983


def test_silence_shows_before_it_ends() -> None:
    stream = counted(packet(0), packet(1))
    assert waited(stream, 0.52).longest_gap_ms == pytest.approx(500)
    assert waited(pause(stream), 9.0).longest_gap_ms == pytest.approx(20)
    assert waited(Stream(), 9.0).longest_gap_ms == 0
