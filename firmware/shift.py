"""The shift: who is signed on here, and until when. A lease, never a lock: it ends by itself, over a restart too.

`org.homedispatch.Shift` with `SignOn(who, minutes)` and `SignOff()`, in the readiness service. While a shift is on no
update disturbs (`firmware.release.policy`) and no battery test runs (`firmware.supply.battery_test`). Who signs on: the
agency through the hub (`command/shift`), or a person at the unit (`hdu shift`).
"""

import asyncio
import contextlib
import logging
import time
from pathlib import Path

import msgspec

from firmware import bus, facts, kept
from firmware.clock import rfc3339
from firmware.service import Unit

LONGEST_MINUTES, LONGEST_NAME = 1_440, 80
LOOK_S = 30.0  # the wall clock may be set while a shift is on
log = logging.getLogger("shift")


class Lease(msgspec.Struct, frozen=True):
    """`until_s` is seconds since the epoch."""

    who: str
    until_s: float


def lease(who: str, minutes: int, now_s: float) -> Lease:
    """ValueError, in words, for what is no name or no length of a shift."""
    name = " ".join(who.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"shift: a name of 1 to {LONGEST_NAME} printable characters signs on")
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise ValueError(f"shift: {minutes} minutes is no shift; give 1 to {LONGEST_MINUTES}")
    return Lease(name, now_s + 60 * minutes)


def left_s(signed: Lease, now_s: float) -> float:
    """How long it still lasts; never longer than the longest shift, whatever a clock that was set says."""
    return min(signed.until_s - now_s, 60.0 * LONGEST_MINUTES)


class Shift:
    """The lease on disk and its fact on the bus, changed together."""

    def __init__(self, unit: Unit) -> None:
        self.file = Path(unit.config.unit.folders.data) / "shift.json"
        self.lease: Lease | None = None
        self.ends_at = 0.0  # by the monotonic clock, which nobody sets
        self.changed = asyncio.Event()
        methods = [
            bus.Method("SignOn", "sx", ("who", "minutes"), "s", self.sign_on),
            bus.Method("SignOff", "", (), "", self.sign_off),
        ]
        self.export = bus.Export(unit.bus, "Shift", facts.Shift(), methods)

    async def sign_on(self, who: str, minutes: int) -> str:
        """On disk when it returns, with the end of the shift; takes the place of any shift before."""
        made = lease(who, minutes, time.time())
        self.file.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(kept.replace, self.file, kept.seal(made), durable=True)
        self.take(made)
        log.warning("signed on", extra={"who": made.who, "until": self.export.value.until})
        return self.export.value.until

    async def sign_off(self) -> None:
        self.end("signed off")

    def begin(self) -> None:
        """What was on before the service started; a damaged file is told, and no shift."""
        try:
            self.take(kept.read(self.file, Lease))
        except (OSError, kept.Damaged) as error:
            log.error("%s; sign on again", error)
            self.take(None)

    def take(self, signed: Lease | None) -> None:
        """`signed` is in force, and said."""
        self.lease = signed
        if signed is not None:
            self.ends_at = time.monotonic() + left_s(signed, time.time())
            self.export.set(facts.Shift(on=True, who=signed.who, until=rfc3339(signed.until_s)))
        else:
            self.export.set(facts.Shift(on=False))
        self.changed.set()

    def end(self, why: str) -> None:
        """What the disk refuses to let go ends all the same; after a restart the time of the lease counts."""
        if self.lease is not None:
            log.warning("%s", why, extra={"who": self.lease.who})
        self.take(None)
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s cannot be removed: %s", self.file, error.strerror)

    async def keep(self) -> None:
        """Ends each shift when its time is up; for ever."""
        while True:
            self.changed.clear()
            wait_s = None if self.lease is None else self.left_s()
            if wait_s is not None and wait_s <= 0:
                self.end("the shift has ended")
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if wait_s is None else min(wait_s, LOOK_S)):
                    await self.changed.wait()

    def left_s(self) -> float:
        """The sooner of what the wall clock and the monotonic clock say."""
        assert self.lease is not None
        return min(left_s(self.lease, time.time()), self.ends_at - time.monotonic())
