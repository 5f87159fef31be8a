"""baresip's control protocol: netstrings in any pieces, and what its messages mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.drivers import baresip_wire
from firmware.drivers.baresip_wire import Decoder, WireError
from firmware.drivers.softphone import AudioReport, RtcpReport, SoftphoneEvent

JSON = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=5)

AUDIO = """--- Audio stream ---
 tx:   encode: opus 48000Hz/1ch ptime=20ms S16LE
       aubuf: wish_sz=1920 cur_sz=0 filling=0 (cur 0.00ms, max 600.00ms, or 9, ur 9)
       source: alsa,headset S16LE
 rx:   decode: opus 48000Hz/1ch S16LE
       aubuf: wish_sz=5760 cur_sz=5760 filling=0 (cur 60.00ms, max 180.00ms, or 2, ur 1)
       player: alsa,headset S16LE
 local: 0.0.0.0:16450, remote: 10.79.0.1:20004/10.79.0.1:20005
--- jitter buffer debug---
 running=1 min=2 cur=3 max=10 [frames]
"""


@given(st.lists(JSON, max_size=5), st.integers(1, 40))
def test_messages_come_out_whole_whatever_the_pieces(said: list[dict[str, str]], piece: int) -> None:
    data = b"".join(b"%d:%s," % (len(body), body) for body in (json.dumps(each).encode() for each in said))
    decoder = Decoder()
    heard = [each for at in range(0, len(data), piece) for each in decoder.feed(data[at : at + piece])]
    assert heard == said


def test_a_command_is_a_netstring_of_json() -> None:
    sent = baresip_wire.message("callfind", "abc", "7")
    (heard,) = Decoder().feed(sent)
    assert heard == {"command": "callfind", "params": "abc", "token": "7"}


@pytest.mark.parametrize("data", [b"x", b":{}", b"99999999", b"2:{}x", b"3:{ab,", b"9000000:"])
def test_what_is_no_netstring_ends_the_connection(data: bytes) -> None:
    with pytest.raises(WireError):
        list(Decoder().feed(data))


def test_events_with_a_meaning_here() -> None:
    said = {"event": True, "type": "CALL_CLOSED", "id": "c1", "peeruri": "sip:a@b", "param": "486 Rejected"}
    assert baresip_wire.event(said) == SoftphoneEvent(kind="closed", id="c1", peer="sip:a@b", reason="486 Rejected")
    assert baresip_wire.event({"event": True, "type": "CALL_LOCAL_SDP"}) is None


def test_rtcp_in_our_units_and_nothing_before_the_first_report() -> None:
    stats = {"tx": {"sent": 9, "lost": 9, "jit": 9}, "rx": {"sent": 250, "lost": 3, "jit": 1708}, "rtt": 24_500}
    heard = baresip_wire.event({"type": "CALL_RTCP", "id": "c1", "rtcp_stats": stats})
    assert heard and heard.report == RtcpReport(received=247, lost=3, jitter_ms=1.708, rtt_ms=24.5)
    zero = {"tx": stats["tx"], "rx": {"sent": 0, "lost": 0, "jit": 0}, "rtt": 0}
    early = baresip_wire.event({"type": "CALL_RTCP", "id": "c1", "rtcp_stats": zero})
    assert early and early.report is None


def test_what_it_says_of_the_audio_received() -> None:
    expected = AudioReport(codec="opus", port=16_450, reorder_ms=60, playout_ms=60, overruns=2, underruns=1)
    assert baresip_wire.audio(AUDIO) == expected


def test_what_it_does_not_say_is_unknown() -> None:
    assert baresip_wire.audio("no active calls") == AudioReport()
    starting = AUDIO.replace("cur 60.00ms", "cur nanms").replace("running=1", "running=0")
    assert baresip_wire.audio(starting) == AudioReport(codec="opus", port=16_450)
