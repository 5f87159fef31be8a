"""The calls service: keeps a softphone running, and says truly what the call is.

On the bus: `org.homedispatch.Calls` with `Answer()`, `HangUp()`, `Hold(hold)` and `Transfer(target)`. A call in
progress when the softphone dies is gone: it is counted in `LostCalls`, its time is `LastLost`, and the softphone is
started again. The extension registers anew when the active uplink changes, between calls.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from firmware import bus, facts
from firmware.audio import hearing
from firmware.clock import now_rfc3339
from firmware.drivers import baresip, playback_path
from firmware.drivers.baresip import AudioError, Baresip, SoftphoneError
from firmware.drivers.baresip_config import account, address_of_record, sound_devices
from firmware.drivers.headset_usb import devices
from firmware.service import Unit, run
from firmware.voice import state as call_state
from firmware.voice.ear import Ear
from firmware.voice.fact import fact
from firmware.voice.state import Down, Event, Heard, Held, Leg, Registering, Session, Up

AGAIN_FIRST_S, AGAIN_MAX_S, STEADY_S = 0.1, 2.0, 10.0
REGISTER_MAX_S = 30.0
ANSWERED_S = 3.0
HEARD_S, PING_S = 1.0, 5.0
AUDIO_AGAIN_S = 0.25
log = logging.getLogger("calls")


class CallError(Exception):
    """What was asked for does not fit the call as it is, or did not happen; the message says which."""


class Calls:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.policy, self.own = unit, unit.config.site.calls, unit.config.unit.softphone
        self.session = Session()
        self.phone: Baresip | None = None
        self.ear = Ear(self.own.listen_address, self.policy)
        self.news = asyncio.Event()
        methods = [
            bus.Method("Answer", "", (), "", self.answer),
            bus.Method("HangUp", "", (), "", self.hang_up),
            bus.Method("Hold", "b", ("hold",), "", self.hold),
            bus.Method("Transfer", "s", ("target",), "", self.transfer),
        ]
        self.export = bus.Export(unit.bus, "Calls", fact(self.session), methods)

    def told(self, event: Event) -> None:
        """Takes one event in; what changed goes out on the bus at once."""
        before, self.session = self.session, call_state.step(self.session, event, now_rfc3339())
        self.export.set(fact(self.session))
        news, self.news = self.news, asyncio.Event()
        news.set()
        if self.session.lost_calls > before.lost_calls:
            log.error("a call was lost with the softphone", extra={"lost_calls": self.session.lost_calls})

    async def until(self, holds: Callable[[Session], bool]) -> None:
        """Returns as soon as `holds` is true of the session."""
        while not holds(self.session):
            await self.news.wait()

    # What the dispatcher does.

    async def answer(self) -> None:
        """The call is answered when this returns; CallError where none rings or it could not be."""
        leg = self.session.ringing()
        if leg is None:
            raise CallError("calls: no call rings")
        await self.order(leg, "accept")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.until(lambda session: _is_answered(session, leg.id)), ANSWERED_S)
        if not (answered := self.session.leg(leg.id)) or answered.state != "active":
            words = " | ".join(self.phone.last_words) if self.phone else "the softphone died"
            raise CallError(f"calls: the call could not be answered: {words}")

    async def hang_up(self) -> None:
        """Ends the call shown, or refuses the one that rings."""
        await self.order(self._leg(), "hangup")

    async def hold(self, hold: bool) -> None:
        leg = self._leg("active")
        await self.order(leg, "hold" if hold else "resume")
        self.told(Held(id=leg.id, held=hold))

    async def transfer(self, target: str) -> None:
        """Blind transfer (RFC 5589) to a SIP URI or an extension; empty: to the one the site names."""
        target = target or self.policy.transfer_target
        if not target or set(target) & set(' \r\n"<>'):
            raise CallError("calls: no target to transfer to; give one, or set calls.transfer_target in site.toml")
        uri = target if target.startswith(("sip:", "sips:")) else f"sip:{target}@{self.policy.sip_host}"
        await self.order(self._leg("active"), "transfer", uri)

    def _leg(self, state: facts.CallState | None = None) -> Leg:
        leg = self.session.foremost()
        if leg is None or state not in (None, leg.state):
            raise CallError(f"calls: there is no {state or ''} call".replace("  ", " "))
        return leg

    async def order(self, leg: Leg, command: str, params: str = "") -> None:
        """One command about one call: baresip takes it for its current call, so that is chosen first."""
        if self.phone is None:
            raise CallError("calls: the softphone is down; it is being started again")
        await self.phone.command("callfind", leg.id)
        await self.phone.command(command, params)

    # What keeps the softphone there.

    async def stay_up(self) -> None:
        """Starts it, and again for ever: at once after a good run, else with growing waits."""
        wait_s = AGAIN_FIRST_S
        while True:
            began = time.monotonic()
            try:
                await self.one_life()
            except SoftphoneError as error:
                log.warning("%s", error)
            wait_s = AGAIN_FIRST_S if time.monotonic() - began > STEADY_S else min(wait_s * 2, AGAIN_MAX_S)
            await asyncio.sleep(wait_s)

    async def one_life(self) -> None:
        """One softphone from start to death; always ends with SoftphoneError."""
        self.lay_path()
        try:
            async with baresip.running(self.unit.config, self.told) as self.phone, asyncio.TaskGroup() as group:
                log.info("softphone up", extra={"pid": self.phone.pid})
                group.create_task(self.listen(self.phone))
                self.told(Up())
                group.create_task(self.keep_registered(self.phone))
                group.create_task(self.keep_asking(self.phone))
                group.create_task(self.keep_audio(self.phone))
        except* SoftphoneError as errors:
            raise errors.exceptions[0] from errors

    def lay_path(self) -> None:
        """To the ear, through the limiters; SoftphoneError where it cannot be written."""
        hardware = self.unit.config.unit.headset
        try:
            limit_dbfs = hearing.limit_dbfs(hearing.loudness(hardware))
            playback_path.use(self.unit.config, "softphone", devices(hardware), limit_dbfs)
        except OSError as error:
            raise SoftphoneError(f"calls: the way to the ear cannot be written: {error}") from error

    async def listen(self, phone: Baresip) -> None:
        try:
            await phone.listen()
        finally:
            self.phone = None
            self.told(Down())

    async def keep_registered(self, phone: Baresip) -> None:
        """Registers whenever the session wants it; after a failure with growing waits, cut short by a new path."""
        wait_s = 0.0
        while True:
            await self.until(Session.wants_registration)
            failed = self.session.registered is False
            wait_s = min(max(wait_s * 2, self.policy.register_retry_s), REGISTER_MAX_S) if failed else 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.until(_has_left(self.session.path)), wait_s)
            await self.until(Session.wants_registration)
            self.told(Registering())
            await phone.register(self.account(), address_of_record(self.policy, self.own, self.unit.config.unit.name))

    def account(self) -> str:
        try:
            password = Path(self.own.password_file).read_text().strip() if self.own.password_file else ""
            return account(self.policy, self.own, self.unit.config.unit.name, password)
        except (OSError, ValueError) as error:
            raise SoftphoneError(f"calls: no password for the extension: {error}") from error

    async def keep_asking(self, phone: Baresip) -> None:
        """In a call: how it is heard, each second. Else only whether the softphone still answers."""
        while True:
            leg = self.session.foremost()
            if leg and leg.state == "active":
                audio = await phone.audio()
                self.told(Heard(id=leg.id, audio=audio, stream=self.ear.hear(leg.stream, audio.port)))
                await asyncio.sleep(HEARD_S)
            else:
                self.ear.close()
                await phone.command("reginfo")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.until(Session.in_call), PING_S)

    async def keep_audio(self, phone: Baresip) -> None:
        """Off the headset while it is unplugged in a call, off the microphone while its mute holds nothing back."""
        now = (True, True)
        while True:
            await self.until(_wants_other_than(now))
            wanted = self.session.wants_sound()
            self.lay_path()
            try:
                await phone.use_audio(*sound_devices(*wanted))
                now = wanted
            except AudioError as error:
                log.warning("%s", error)
                await asyncio.sleep(AUDIO_AGAIN_S)

    async def follow_headset(self) -> None:
        """A headset service that is away changes nothing about the microphone."""
        async for headset in bus.follow(self.unit.bus, "Headset", facts.Headset):
            present, denied = (headset.present, _is_denied(headset)) if headset else (None, self.session.denied)
            if (present, denied) != (self.session.headset, self.session.denied):
                self.told(call_state.HeadsetPresent(present=present, denied=denied))

    async def follow_path(self) -> None:
        """The active uplink, as the uplinks service says; while that is away the path is taken to be what it was."""
        async for known in bus.follow(self.unit.bus, "Uplinks", facts.Uplinks):
            active = [each.name for each in known.uplinks if each.active] if known else []
            if (name := active[0] if active else "") != self.session.path:
                self.told(call_state.Path(name=name))


def _has_left(path: str | None) -> Callable[[Session], bool]:
    return lambda session: session.path != path


def _wants_other_than(now: tuple[bool, bool]) -> Callable[[Session], bool]:
    return lambda session: session.wants_sound() != now


def _is_denied(headset: facts.Headset) -> bool:
    """Mute is asked for and not proven, and no gate was read back shut: then the softphone is the gate."""
    return headset.mute_state == "fault" and headset.capture_cut is not True


def _is_answered(session: Session, id: str) -> bool:
    leg = session.leg(id)
    return leg is None or leg.state == "active"


async def body(unit: Unit) -> None:
    calls = Calls(unit)
    await calls.export.own()
    unit.group.create_task(calls.stay_up(), name="softphone")
    unit.group.create_task(calls.follow_path(), name="path")
    unit.group.create_task(calls.follow_headset(), name="headset")
    unit.ready()


if __name__ == "__main__":
    run(body)
