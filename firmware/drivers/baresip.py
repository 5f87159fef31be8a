"""baresip as a process of ours: started, spoken to over its control port, and watched.

It dies with the service that started it (prctl(2) PR_SET_PDEATHSIG, through setpriv), so no softphone is left behind
that nobody watches.
"""

import asyncio
import collections
import contextlib
import itertools
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from firmware.config import Config
from firmware.drivers import baresip_config, baresip_wire
from firmware.drivers.softphone import AudioReport, SoftphoneEvent

START_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 3.0
FAREWELL_S = 0.5
LAST_WORDS = 5
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NO_CAPABILITIES = ("--inh-caps=-all", "--ambient-caps=-all")  # what the service may hear, the softphone may not
log = logging.getLogger("softphone")


class SoftphoneError(Exception):
    """The softphone is not there or does not do as it is told; the message says what to do."""


class AudioError(Exception):
    """A sound device is not there; the softphone itself is well."""


def free_port() -> int:
    """A loopback TCP port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_address(address: str) -> None:
    """SoftphoneError while this machine does not have the address: the tunnel is not up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise SoftphoneError(
                f"softphone: {address} is no address here ({error.strerror}); is the tunnel up? unit.toml: softphone"
            ) from error


class Baresip:
    """One running softphone. `events` ends when it is dead; any method raises SoftphoneError then."""

    def __init__(self, process: asyncio.subprocess.Process, told: Callable[[SoftphoneEvent], None]) -> None:
        self.process, self._told = process, told
        self.last_words: collections.deque[str] = collections.deque(maxlen=LAST_WORDS)
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._tokens = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._has_extension = False

    @property
    def pid(self) -> int:
        return self.process.pid

    async def register(self, account: str, aor: str) -> None:
        """Puts the extension in the place of an earlier one, whose calls end; REGISTER goes out at once.

        The new one is there before the old one goes: their contacts differ, so that an un-REGISTER of the old one that
        comes late takes nothing of the new one away.
        """
        await self.command("uanew", account)
        if self._has_extension:
            with contextlib.suppress(SoftphoneError):
                await self.command("uadel", aor)
        self._has_extension = True

    async def command(self, name: str, params: str = "") -> str:
        """One command and its answer; SoftphoneError where it fails or is not answered in time."""
        if self._writer is None:
            raise SoftphoneError(f"softphone: {name}: it is not running; it is being started again")
        token = str(next(self._tokens))
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(baresip_wire.message(name, params, token))
            return await asyncio.wait_for(answer, ANSWER_TIMEOUT_S)
        except TimeoutError as error:
            raise SoftphoneError(f"softphone: {name}: no answer within {ANSWER_TIMEOUT_S} s") from error
        finally:
            del self._answers[token]

    async def audio(self) -> AudioReport:
        return baresip_wire.audio(await self.command("audio_debug"))

    async def use_audio(self, source: str, player: str) -> None:
        """Puts every call, and those to come, on these devices; AudioError where one cannot be opened yet."""
        for command, device in (("ausrc", source), ("auplay", player)):
            said = await self.command(command, device)
            if "failed" in said or "no such" in said:
                raise AudioError(f"softphone: {device} cannot be opened: {said.splitlines()[-1]}; it is tried again")

    async def connect(self, port: int) -> None:
        """Joins its control port as soon as it is there; SoftphoneError where it is not within START_TIMEOUT_S."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                while self.process.returncode is None:
                    with contextlib.suppress(OSError):
                        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                        return
                    await asyncio.sleep(0.02)
        raise SoftphoneError(f"softphone: did not start: {' | '.join(self.last_words) or 'it said nothing'}")

    async def listen(self) -> None:
        """Tells every event until the connection or the process ends; SoftphoneError says how."""
        decoder = baresip_wire.Decoder()
        try:
            while data := await self._reader.read(65_536):
                for message in decoder.feed(data):
                    self._take(message)
        except (OSError, baresip_wire.WireError) as error:
            raise SoftphoneError(f"softphone: its control connection failed: {error}") from error
        raise SoftphoneError(f"softphone: ended: {' | '.join(self.last_words) or 'it said nothing'}")

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._answers.get(str(message.get("token", "")))
        if message.get("response") and answer and not answer.done():
            self._settle(answer, message)
        elif event := baresip_wire.event(message):
            self._told(event)

    def _settle(self, answer: asyncio.Future[str], message: dict[str, Any]) -> None:
        text = str(message.get("data", "")).strip()
        if message.get("ok"):
            answer.set_result(text)
        else:
            answer.set_exception(SoftphoneError(f"softphone: refused: {text or 'no reason given'}"))

    async def hear_words(self) -> None:
        """Keeps what it printed last, for the message when it dies; ends with it."""
        assert self.process.stdout
        while line := await self.process.stdout.readline():
            if words := COLOUR.sub("", line.decode(errors="replace")).strip():
                self.last_words.append(words)

    async def end(self) -> None:
        """Gone when this returns; it may say BYE to its calls and take its registration back, if it still listens."""
        if self._writer:
            self._writer.write(baresip_wire.message("quit"))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), FAREWELL_S)
            self._writer.close()
            self._writer = None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def running(config: Config, told: Callable[[SoftphoneEvent], None]) -> AsyncIterator[Baresip]:
    """A softphone that is up and connected; SoftphoneError where there is none. It is killed at the end."""
    policy, phone = config.site.calls, config.unit.softphone
    check_address(phone.listen_address)
    folder, port = Path(config.unit.folders.run) / "softphone", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(baresip_config.configuration(policy, phone, port))
    (folder / "accounts").write_text("")
    try:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", *NO_CAPABILITIES, phone.binary, "-4", "-f", str(folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        raise SoftphoneError(f"softphone: cannot start {phone.binary}: {error.strerror}; is it installed?") from error
    softphone = Baresip(process, told)
    words = asyncio.create_task(softphone.hear_words())
    try:
        await softphone.connect(port)
        yield softphone
    finally:
        await softphone.end()
        await words
