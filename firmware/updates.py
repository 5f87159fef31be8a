"""The updates service: follows the signed repository and takes what is due. Bus name org.homedispatch.Updates.

It decides by the pure policy, from signed files and this unit's own facts. Settings go on trial (`release.settling`),
bundles to RAUC (`release.installing`, then `release.proving`). A shift (`firmware.shift`) keeps updates away, and so
does `Hold(who, minutes)` for whoever else has reason to: both are leases, never locks.
"""

import asyncio
import contextlib
import logging
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from firmware import bus, facts
from firmware.clock import now_rfc3339
from firmware.drivers.rauc import RaucError
from firmware.release import installing, memory, proving, resuming, settling
from firmware.release.fetch_answer import Look
from firmware.release.installing import BrokenOff
from firmware.release.ledger import Ledger
from firmware.release.link import Link
from firmware.release.policy import Decision, breaks_off, decide, disturbing, poll_delay_s
from firmware.release.rollout import RollOut
from firmware.service import Unit, run

CLOCK_ERROR_MS, LOOK_LIMIT_S, CHECK_S, TRIES = 3_600_000.0, 600.0, 2.0, 3
log = logging.getLogger("updates")


class Updates:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.policy = unit, unit.config.site.updates
        hold = bus.Method("Hold", "sx", ("who", "minutes"), "", self.hold)
        look = bus.Method("Look", "", (), "", self.look_soon)
        self.ledger = Ledger(unit, [hold, look])
        self.soon = asyncio.Event()
        self.tries: Counter[str] = Counter()
        self.link = Link(self.soon.set)

    async def hold(self, who: str, minutes: int) -> None:
        """Keeps updates away for so long from now (at most a day); 0 ends it."""
        now_s = time.time()
        until_s = now_s + 60 * min(max(0, minutes), 1_440)
        self.ledger.remember(memory.lease(self.ledger.memory, who[:64], until_s, now_s))

    async def look_soon(self) -> None:
        self.soon.set()

    # What it follows.

    async def follow_calls(self) -> None:
        """A call keeps updates away for `quiet_minutes` after it: who just took one may be on shift."""
        async for call in bus.follow(self.unit.bus, "Calls", facts.Call):
            before, self.ledger.call = self.ledger.in_call, call
            if before and self.ledger.in_call is not True:
                await self.hold("call", int(self.policy.quiet_minutes))

    async def follow_shift(self) -> None:
        async for shift in bus.follow(self.unit.bus, "Shift", facts.Shift):
            self.ledger.shift = shift.on if shift else None

    async def follow_hub(self) -> None:
        async for link in bus.follow(self.unit.bus, "HubLink", facts.Hub):
            self.ledger.hub = link.connected if link else None

    async def follow_uplinks(self) -> None:
        async for uplinks in bus.follow(self.unit.bus, "Uplinks", facts.Uplinks):
            self.link.now(uplinks)

    # Looking.

    async def keep_looking(self) -> None:
        """The first look within an interval of the start, then each about an interval after the last; for ever."""
        wait_s = self.policy.poll_s * random.random()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.soon.wait()
            self.soon.clear()
            if self.policy.url and self.ledger.memory.trial is None:
                await self.look()
            wait_s = poll_delay_s(self.policy.poll_s, random.random())

    async def look(self) -> None:
        """One look at the repository, and what follows from it."""
        if unfit := await self.clock_unfit():
            self.ledger.say(reason=unfit)
            return
        found = await self.fetch()
        self.ledger.say(refused=found.refused or "; ".join(found.broken), looked_at=now_rfc3339())
        if found.refused:
            log.error("%s", found.refused)
            return
        decision = decide(found.roll_outs, await self.ledger.situation(frozenset(found.halted)), time.time())
        self.told(decision)
        if decision.action == "install" and decision.roll_out:
            await self.install(decision.roll_out)

    def told(self, decision: Decision) -> None:
        waits = decision.action == "wait"
        self.ledger.say(
            state="waiting" if waits else "idle",
            available=decision.roll_out.id if decision.roll_out else "",
            reason=decision.reason if waits else "",
        )

    async def clock_unfit(self) -> str:
        """Why expiry cannot be judged; empty: the clock is right."""
        clock = await self.ledger.ask("Clock", facts.Clock)
        error_ms = clock.error_ms if clock else None
        if error_ms is None:
            uplinks = await self.ledger.ask("Uplinks", facts.Uplinks)
            error_ms = uplinks.hub_clock_error_ms if uplinks else None
        return "" if error_ms is not None and error_ms < CLOCK_ERROR_MS else "this unit does not know the time"

    async def fetch(self, out: RollOut | None = None, *more: str) -> Look:
        """What the short-lived process found, with the target of `out`; it is ended when that disturbs, and without
        one after LOOK_LIMIT_S.

        What it downloads lies on the data partition until it is verified: /tmp is memory.
        """
        self.ledger.folder.mkdir(parents=True, exist_ok=True)
        words = ("-m", "firmware.release.fetch", self.policy.url, str(self.ledger.folder), self.ledger.hardware.root)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            *([out.target] if out else []),
            *more,
            stdout=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(self.ledger.folder)},
        )
        guard = asyncio.create_task(self.end_in_time(child, out))
        try:
            said, _ = await child.communicate()
        finally:
            guard.cancel()
            if child.returncode is None:
                child.kill()
        try:
            return msgspec.json.decode(said, type=Look)
        except msgspec.DecodeError:
            return Look(refused=f"update not fetched: its process ended with {child.returncode}; it is tried again")

    async def end_in_time(self, child: asyncio.subprocess.Process, out: RollOut | None) -> None:
        """A look is short; a target may take as long as it takes, and gives way to a call or a shift."""
        until_s = time.monotonic() + LOOK_LIMIT_S
        while out or time.monotonic() < until_s:
            await asyncio.sleep(CHECK_S)
            if out and breaks_off(out, await self.ledger.situation()):
                break
        child.kill()

    # Taking.

    async def install(self, out: RollOut) -> None:
        self.link.begin()
        stream = out.kind == "bundle" and self.ledger.hardware.bundles == "stream"
        self.ledger.say(state="fetching")
        found = await self.fetch(out, *(["--stream"] if stream else []))
        here = await self.ledger.situation()
        if words := disturbing(here) or breaks_off(out, here):
            self.ledger.say(state="waiting", reason=words)
        elif found.refused:
            self.ledger.say(state="idle", refused=found.refused)
            self.again_if_it_was_the_link()
        elif out.kind == "site":
            settling.begin(self.ledger, out, await asyncio.to_thread(Path(found.place).read_bytes))
            await settling.watch(self.ledger)
        else:
            await self.install_bundle(out, found.place)

    async def install_bundle(self, out: RollOut, place: str) -> None:
        """What RAUC refuses TRIES times over a link that held is not asked of it again: a signature does not mend."""
        try:
            await installing.install(self.ledger, out, place)
        except BrokenOff as words:
            log.warning("the install of %s is broken off: %s", out.version, words)
            self.ledger.say(state="waiting", reason=str(words))
        except RaucError as error:
            log.error("%s", error)
            self.ledger.say(state="idle", reason=str(error))
            if not self.again_if_it_was_the_link():
                self.refused(out, str(error))

    def refused(self, out: RollOut, words: str) -> None:
        self.tries[out.version] += 1
        if self.tries[out.version] >= TRIES:
            self.ledger.has_failed("bundle", out.version, words)

    def again_if_it_was_the_link(self) -> bool:
        """Whether no uplink was up at some moment of this install; then the next look is when one is up again."""
        if self.link.broke:
            log.warning("the link broke meanwhile: it is tried again when an uplink is up")
            self.link.wanted()
        return self.link.broke


async def body(unit: Unit) -> None:
    updates = Updates(unit)
    await updates.ledger.export.own()
    unit.group.create_task(updates.follow_calls())
    unit.group.create_task(updates.follow_hub())
    unit.group.create_task(updates.follow_shift())
    unit.group.create_task(updates.follow_uplinks())
    if unit.config.unit.updates.bundles != "none":
        await updates.ledger.show_slots()
    unit.ready()
    await settling.watch(updates.ledger)
    await resuming.resume(updates.ledger)
    unit.group.create_task(proving.prove_flashed(updates.ledger))
    unit.group.create_task(updates.keep_looking())


if __name__ == "__main__":
    run(body)
