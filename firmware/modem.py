"""The modem service: what the modem says as `org.homedispatch.Modem`, messages out, and the reset ladder.

`SendSms(to, text)` answers `sent` or an error in words. `Reset()` restarts the modem where the ladder's rules allow it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from pathlib import Path

import msgspec
from sdbus import SdBus

from firmware import bus, facts, kept
from firmware.config import ModemHardware
from firmware.drivers import at_answers as at
from firmware.drivers.at_port import ModemAbsent, ModemError
from firmware.drivers.modem_at import AtModem
from firmware.radio import ladder
from firmware.radio.outbox import Outbox
from firmware.radio.reading import read
from firmware.service import Unit, run

ABSENT_RETRY_S, CALM_S, HOOK_S = 1.0, 0.1, 60.0
NONE = "no modem is configured; set modem.port in unit.toml"
log = logging.getLogger("modem")


class ResetRefused(Exception):
    """A reset that was asked for is not allowed now; the words say why."""


class Modem:
    """The service's state: the fact as announced, the ladder, and what the others say about calls and uplinks."""

    def __init__(self, hardware: ModemHardware, system_bus: SdBus, kept: Path) -> None:
        self.hardware, self.kept = hardware, kept
        self.at = AtModem(hardware.port, hardware.baud, hardware.answer_s, self._heard, self._lost)
        self.outbox = Outbox(self.at.ask, hardware.answer_s, hardware.sms_s, hardware.sms_waiting)
        methods = [
            bus.Method("SendSms", "ss", ("to", "text"), "s", self.outbox.send),
            bus.Method("Reset", "", (), "s", self.reset),
        ]
        self.export = bus.Export(system_bus, "Modem", facts.Modem(reason="not asked yet"), methods)
        self.call: facts.Call | None = None
        self.uplinks: facts.Uplinks | None = None
        self.ladder = _recall(kept)
        self._again, self._one = asyncio.Event(), asyncio.Lock()
        self.limits = ladder.Limits(
            silent_s=hardware.sick_s,
            unregistered_s=hardware.unregistered_s,
            settle_s=hardware.settle_s,
            per_day=hardware.resets_per_day,
            power=bool(hardware.power_cycle),
        )

    async def poll_forever(self) -> None:
        while True:
            self._again.clear()
            async with self._one:
                wait_s = await self._poll()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._again.wait()
            await asyncio.sleep(min(CALM_S, wait_s))

    async def _poll(self) -> float:
        """One reading, announced; then the ladder. How long until the next."""
        wait_s, answers = self.hardware.poll_s, True
        try:
            fact = await read(self.at.ask, self.hardware.answer_s, self.hardware.temperature)
            fact = msgspec.structs.replace(fact, port=self.at.port, iccid_expected=self.hardware.sim)
        except ModemError as error:
            wait_s = min(wait_s, ABSENT_RETRY_S) if isinstance(error, ModemAbsent) else wait_s
            fact, answers = facts.Modem(port=self.at.port, reason=str(error)), False
        self._announce(fact)
        await self._look(self._sight(answers))
        return wait_s

    def _announce(self, fact: facts.Modem) -> None:
        if fact.reason != self.export.value.reason:
            log.warning("now: %s", fact.reason or "fine", extra={"port": fact.port, "signal_dbm": fact.signal_dbm})
        self.export.set(fact)

    def _heard(self, line: str) -> None:
        """A line nobody had asked for: a changed registration is worth a reading at once."""
        if at.REGISTRATION_CHANGED.match(line):
            self._again.set()

    def _lost(self, reason: str) -> None:
        self._announce(facts.Modem(reason=reason))
        self._again.set()

    def _sight(self, answers: bool) -> ladder.Sight:
        fact = self.export.value
        hopeless = fact.sim == "absent" or fact.sim.startswith("needs")  # no reset brings a card or a PIN
        registered = None if hopeless else fact.registered
        alone = ladder.alone_in_call(self.call, self.uplinks, fact.registered)
        sending = self.outbox.waiting > 0
        return ladder.Sight(answers=answers, registered=registered, alone_in_call=alone, sending=sending)

    async def _look(self, sight: ladder.Sight) -> None:
        self.ladder, rung = ladder.step(self.ladder, sight, time.monotonic(), self.limits)
        if rung:
            await self._climb(rung, sight)

    async def reset(self) -> str:
        """Restarts the modem now; ResetRefused in words where that may interrupt a call or is over the budget."""
        async with self._one:
            sight = self._sight(self.export.value.registered is not None)
            if why := ladder.refusal(self.ladder, sight, time.monotonic(), self.limits):
                raise ResetRefused(f"modem: no reset now: {why}")
            self.ladder = ladder.spend(self.ladder, time.monotonic())
            await self._climb("reset", sight)
        self._again.set()
        return "reset"

    async def _climb(self, rung: ladder.Rung, sight: ladder.Sight) -> None:
        """Kept before it is done: a service that dies in a reset does not forget it."""
        log.warning("reset ladder", extra={"rung": rung, **msgspec.structs.asdict(sight), "spent": self.spent})
        _keep(self.kept, self.ladder)
        try:
            await self._rung(rung)
        except (ModemError, OSError, TimeoutError) as error:
            log.error("reset ladder: %s failed: %s", rung, error)

    @property
    def spent(self) -> int:
        return len(self.ladder.spent)

    def _rung(self, rung: ladder.Rung) -> Coroutine[None, None, None]:
        steps = {"reconnect": self.at.reopen, "airplane mode": self._airplane, "reset": self._restart}
        return steps.get(rung, self._power_cycle)()

    async def _airplane(self) -> None:
        try:
            await self.at.ask(at.RADIO_OFF)
        finally:
            await self.at.ask(at.RADIO_ON)

    async def _restart(self) -> None:
        try:
            await self.at.ask(at.RESTART)
        finally:
            await self.at.reopen()

    async def _power_cycle(self) -> None:
        """Runs the configured command; a status other than 0 or more than HOOK_S is told."""
        process = await asyncio.create_subprocess_exec(*self.hardware.power_cycle)
        try:
            async with asyncio.timeout(HOOK_S):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            raise
        if status:
            raise OSError(f"{' '.join(self.hardware.power_cycle)} ended with status {status}")


def _recall(file: Path) -> ladder.Ladder:
    """The ladder of the process before this one; its times are of this boot, as is the folder."""
    try:
        return kept.read(file, ladder.Ladder) or ladder.Ladder()
    except (OSError, kept.Damaged) as error:
        log.error("the reset ladder begins anew: %s", error)
        return ladder.Ladder()


def _keep(file: Path, state: ladder.Ladder) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    kept.replace(file, kept.seal(state))


async def _follow_calls(unit: Unit, modem: Modem) -> None:
    async for modem.call in bus.follow(unit.bus, "Calls", facts.Call):
        pass


async def _follow_uplinks(unit: Unit, modem: Modem) -> None:
    async for modem.uplinks in bus.follow(unit.bus, "Uplinks", facts.Uplinks):
        pass


async def _refuse(*_: str) -> str:
    raise ResetRefused(f"modem: {NONE}")


async def without_modem(unit: Unit) -> None:
    """Says that there is none; the service stays, so that whoever asks is told."""
    methods = [
        bus.Method("SendSms", "ss", ("to", "text"), "s", _refuse),
        bus.Method("Reset", "", (), "s", _refuse),
    ]
    export = bus.Export(unit.bus, "Modem", facts.Modem(reason=NONE), methods)
    await export.own()
    unit.ready()
    await asyncio.Event().wait()


async def body(unit: Unit) -> None:
    if not unit.config.unit.modem.port:
        return await without_modem(unit)
    kept = Path(unit.config.unit.folders.run) / "modem-ladder.json"
    modem = Modem(unit.config.unit.modem, unit.bus, kept)
    await modem.export.own()
    for task in (modem.poll_forever(), _follow_calls(unit, modem), _follow_uplinks(unit, modem)):
        unit.group.create_task(task)
    unit.ready()
    return None


if __name__ == "__main__":
    run(body)
