"""The calls service with a real softphone, a real SIP server and a real phone at the other end of a cable."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from firmware import bus
from firmware.config import CallPolicy
from firmware.facts import Call, Headset, Uplink, Uplinks
from tests.firmware.call_scene import NEEDED, UNIT, eventually, is_gone, scene

MISSING = [name for name in NEEDED if not shutil.which(name)]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}; run inside bench/machine/enter"),
    pytest.mark.usefixtures("private_bus"),
]


async def test_a_call_is_rung_answered_heard_both_ways_rated_and_ended_by_the_agency(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        call = await here.until(lambda call: call.mos is not None, within_s=15)
        assert (call.state, call.codec, call.secure, call.lost_frames) == ("active", "opus", True, 0)
        assert call.mos and call.mos > 4
        assert call.longest_gap_ms and call.longest_gap_ms >= 20
        await here.agency_hears(lambda level: level > 0.01)
        await here.dispatcher_hears(lambda level: level > 0.01)
        await here.agency.command({"action": "hang-up"})
        ended = await here.until(lambda call: call.state == "idle")
        assert (ended.lost_calls, ended.last_lost) == (0, "")


@pytest.mark.parametrize(("codec", "encryption"), [("pcmu", "srtp-sdes"), ("opus", "srtp-dtls")])
async def test_codecs_and_encryptions_and_the_dispatcher_hangs_up(tmp_path: Path, codec: str, encryption: str) -> None:
    async with scene(tmp_path, codec, encryption) as here:
        await here.talk()
        await here.until(lambda call: call.codec == codec and call.secure is True)
        await here.agency_hears(lambda level: level > 0.01)
        await here.do("HangUp")
        await here.until(lambda call: call.state == "idle")
        await eventually(lambda: here.agency.state()["state"] == "idle")


async def test_a_call_that_rings_can_be_refused_and_only_a_ringing_one_answered(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.ring()
        await here.do("HangUp")
        await eventually(lambda: here.agency.state()["last_end"] == "486 Rejected")
        with pytest.raises(bus.BusError, match="no call rings"):
            await here.do("Answer")


async def test_a_killed_softphone_is_seen_within_a_second_and_the_next_call_works(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        killed = time.monotonic()
        os.kill(here.softphone(), signal.SIGKILL)
        lost = await here.until(lambda call: call.lost_calls == 1)
        assert time.monotonic() - killed < 1.0
        assert lost.state == "idle" and lost.last_lost
        await here.until(lambda call: bool(call.registered))
        await here.agency.command({"action": "hang-up"})
        await eventually(lambda: here.agency.state()["state"] == "idle")
        await here.talk()
        await here.agency_hears(lambda level: level > 0.01)
        await here.dispatcher_hears(lambda level: level > 0.01)
        assert here.call and here.call.last_lost == lost.last_lost


async def test_held_the_agency_hears_nothing_and_then_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        await here.agency_hears(lambda level: level > 0.01)
        await here.do("Hold", "b", True)
        held = await here.until(lambda call: call.held)
        assert held.state == "active"
        await here.agency_hears(lambda level: level < 0.001)
        await here.do("Hold", "b", False)
        await here.until(lambda call: not call.held)
        await here.agency_hears(lambda level: level > 0.01)


async def test_it_registers_anew_when_the_active_uplink_changes(tmp_path: Path) -> None:
    """The registrar forgets: only a new REGISTER lets the unit be reached, and only the move makes it send one."""
    async with scene(tmp_path) as here:
        uplinks = bus.Export(here.bus, "Uplinks", _active("wired"))
        await uplinks.own()
        await here.until(lambda call: bool(call.registered))
        await here.agency.stop_server()
        await here.agency.start_server()
        here.seen.clear()
        uplinks.set(_active("lte"))
        await here.until(lambda call: any(each.registered is None for each in here.seen) and bool(call.registered))
        await here.talk()


async def test_a_call_finds_it_after_each_change_of_uplink(tmp_path: Path) -> None:
    """Old and new extension are told to the registrar together, which must not take the last word of the old one for
    the new one's."""
    async with scene(tmp_path) as here:
        await here.until(lambda call: bool(call.registered))
        uplinks = bus.Export(here.bus, "Uplinks", _active("wired"))
        await uplinks.own()
        for name in ("lte", "wired") * 4:
            here.seen.clear()
            uplinks.set(_active(name))
            await here.until(lambda _: _anew(here.seen))
            await here.agency.command({"action": "ring"})
            await here.until(lambda call: call.state == "ringing")
            await here.agency.command({"action": "hang-up"})
            await here.until(lambda call: call.state == "idle")
            await eventually(lambda: here.agency.call == "idle")


def _anew(seen: list[Call]) -> bool:
    """Not registered, and then registered."""
    told = [call.registered for call in seen]
    return None in told and told[-1] is True


async def test_nothing_takes_connections_but_on_the_tunnel_and_loopback(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        listening = here.listening()
        assert listening, "the softphone listens somewhere"
        assert {address for address, _ in listening} <= {UNIT, "127.0.0.1"}
        assert (UNIT, 5060) in listening


async def test_datagrams_are_taken_on_the_tunnel_but_for_what_baresip_binds_itself(tmp_path: Path) -> None:
    """baresip 1.0 has no option for the address of RTP and of its DNS client: the firewall keeps those from uplinks."""
    policy = CallPolicy()
    async with scene(tmp_path) as here:
        await here.talk()
        bound = here.listening("udp")
        assert (UNIT, 5060) in bound
        anywhere = [port for address, port in bound if address not in (UNIT, "127.0.0.1")]
        media = [port for port in anywhere if policy.rtp_first_port <= port <= policy.rtp_last_port + 1]
        assert len(media) == 2, bound
        assert len(anywhere) - len(media) <= 1, bound


async def test_after_a_failure_a_new_path_is_tried_at_once(tmp_path: Path) -> None:
    """The password is put right while the next attempt is still a long way off; the move brings it forward."""
    async with scene(tmp_path, password="not-it", retry_s=60) as here:
        uplinks = bus.Export(here.bus, "Uplinks", _active("wired"))
        await uplinks.own()
        await here.until(lambda call: call.registered is False and call.softphone == "up")
        (tmp_path / "password").write_text("a-secret")
        uplinks.set(_active("lte"))
        await here.until(lambda call: bool(call.registered), within_s=5.0)


async def test_a_wrong_password_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path, password="not-it") as here:
        await here.until(lambda call: call.softphone == "up" and call.registered is False)


async def test_a_transfer_hands_the_caller_over(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        await here.do("Transfer", "s", "")
        await here.until(lambda call: call.state == "idle")
        assert here.agency.state()["state"] == "active"


async def test_a_headset_pulled_out_in_a_call_is_heard_again_when_it_is_back(tmp_path: Path) -> None:
    """Unplugged, the softphone must not spin; the call goes on."""
    async with scene(tmp_path) as here:
        headset = bus.Export(here.bus, "Headset", Headset(present=True))
        await headset.own()
        await here.talk()
        await here.agency_hears(lambda level: level > 0.01)
        await here.headset.command({"plugged": False})
        headset.set(Headset(present=False))
        await here.agency_hears(lambda level: level == 0)
        await eventually(here.idles)
        await here.headset.command({"plugged": True})
        headset.set(Headset(present=True))
        await here.agency_hears(lambda level: level > 0.01, within_s=2.0)
        await here.dispatcher_hears(lambda level: level > 0.01)
        assert here.call and (here.call.state, here.call.lost_calls) == ("active", 0)


async def test_a_microphone_whose_mute_holds_nothing_back_is_not_given_to_the_call(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        headset = bus.Export(here.bus, "Headset", Headset(present=True, mute_state="live"))
        await headset.own()
        await here.talk()
        await here.agency_hears(lambda level: level > 0.01)
        headset.set(Headset(present=True, mute_state="fault", capture_cut=None))
        await here.agency_hears(lambda level: level == 0)
        await here.dispatcher_hears(lambda level: level > 0.01)
        headset.set(Headset(present=True, mute_state="fault", capture_cut=True))
        await here.agency_hears(lambda level: level > 0.01)


async def test_a_softphone_that_hangs_is_taken_for_dead(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        os.kill(here.softphone(), signal.SIGSTOP)
        await here.until(lambda call: call.lost_calls == 1)
        await here.until(lambda call: bool(call.registered))


async def test_stopped_in_a_call_the_service_says_goodbye(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        here.service.terminate()
        assert await here.service.wait() == 0
        await eventually(lambda: here.agency.state()["state"] == "idle", within_s=2.0)


async def test_killed_the_service_leaves_no_softphone_behind(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.talk()
        softphone = here.softphone()
        here.service.kill()
        await eventually(lambda: is_gone(softphone), within_s=2.0)


def _active(name: str) -> Uplinks:
    return Uplinks(
        uplinks=(
            Uplink(name="wired", kind="ethernet", active=name == "wired"),
            Uplink(name="lte", kind="lte", active=name == "lte"),
        )
    )
