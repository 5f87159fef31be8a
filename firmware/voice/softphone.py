"""The softphone kept running: started again whenever it dies, registered, asked how a call is heard, given its sound.

Thin shell: what it says and what is heard are events of the session, and the session says what it wants.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from firmware.audio import hearing
from firmware.config import Config
from firmware.drivers import baresip, playback_path
from firmware.drivers.baresip import AudioError, Baresip, SoftphoneError
from firmware.drivers.baresip_config import account, address_of_record, sound_devices
from firmware.drivers.headset_usb import devices
from firmware.voice.ear import Ear
from firmware.voice.state import Down, Heard, Registering, Session, Up
from firmware.voice.watched import WatchedSession

AGAIN_FIRST_S, AGAIN_MAX_S, STEADY_S = 0.1, 2.0, 10.0
REGISTER_MAX_S = 30.0
HEARD_S, PING_S = 1.0, 5.0
AUDIO_AGAIN_S = 0.25
log = logging.getLogger("calls")


class Softphone:
    """`phone` is None while it is down."""

    def __init__(self, config: Config, watched: WatchedSession) -> None:
        self.config, self.watched = config, watched
        self.policy, self.own = config.site.calls, config.unit.softphone
        self.ear = Ear(self.own.listen_address, self.policy)
        self.phone: Baresip | None = None

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
            async with baresip.running(self.config, self.watched.told) as self.phone, asyncio.TaskGroup() as group:
                log.info("softphone up", extra={"pid": self.phone.pid})
                group.create_task(self.listen(self.phone))
                self.watched.told(Up())
                group.create_task(self.keep_registered(self.phone))
                group.create_task(self.keep_asking(self.phone))
                group.create_task(self.keep_audio(self.phone))
        except* SoftphoneError as errors:
            raise errors.exceptions[0] from errors

    def lay_path(self) -> None:
        """To the ear, through the limiters; SoftphoneError where it cannot be written."""
        hardware = self.config.unit.headset
        try:
            limit_dbfs = hearing.limit_dbfs(hearing.loudness(hardware))
            playback_path.use(self.config, "softphone", devices(hardware), limit_dbfs)
        except OSError as error:
            raise SoftphoneError(f"calls: the way to the ear cannot be written: {error}") from error

    async def listen(self, phone: Baresip) -> None:
        try:
            await phone.listen()
        finally:
            self.phone = None
            self.watched.told(Down())

    async def keep_registered(self, phone: Baresip) -> None:
        """Registers whenever the session wants it; after a failure with growing waits, cut short by a new path."""
        wait_s = 0.0
        while True:
            await self.watched.until(Session.wants_registration)
            failed = self.watched.session.registered is False
            wait_s = min(max(wait_s * 2, self.policy.register_retry_s), REGISTER_MAX_S) if failed else 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.watched.until(_has_left(self.watched.session.path)), wait_s)
            await self.watched.until(Session.wants_registration)
            self.watched.told(Registering())
            await phone.register(self.account(), address_of_record(self.policy, self.own, self.config.unit.name))

    def account(self) -> str:
        try:
            password = Path(self.own.password_file).read_text().strip() if self.own.password_file else ""
            return account(self.policy, self.own, self.config.unit.name, password)
        except (OSError, ValueError) as error:
            raise SoftphoneError(f"calls: no password for the extension: {error}") from error

    async def keep_asking(self, phone: Baresip) -> None:
        """In a call: how it is heard, each second. Else only whether the softphone still answers."""
        while True:
            leg = self.watched.session.foremost()
            if leg and leg.state == "active":
                audio = await phone.audio()
                self.watched.told(Heard(id=leg.id, audio=audio, stream=self.ear.hear(leg.stream, audio.port)))
                await asyncio.sleep(HEARD_S)
            else:
                self.ear.close()
                await phone.command("reginfo")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.watched.until(Session.in_call), PING_S)

    async def keep_audio(self, phone: Baresip) -> None:
        """Off the headset while it is unplugged in a call, off the microphone while its mute holds nothing back."""
        now = (True, True)
        while True:
            await self.watched.until(_wants_other_than(now))
            wanted = self.watched.session.wants_sound()
            self.lay_path()
            try:
                await phone.use_audio(*sound_devices(*wanted))
                now = wanted
            except AudioError as error:
                log.warning("%s", error)
                await asyncio.sleep(AUDIO_AGAIN_S)


def _has_left(path: str | None) -> Callable[[Session], bool]:
    return lambda session: session.path != path


def _wants_other_than(now: tuple[bool, bool]) -> Callable[[Session], bool]:
    return lambda session: session.wants_sound() != now
