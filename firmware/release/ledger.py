"""What the updates service remembers and says: the memory on disk and the fact on the bus, changed together."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from firmware import bus, facts
from firmware.drivers import rauc
from firmware.release import memory
from firmware.release.memory import Kind, Memory
from firmware.release.policy import Situation
from firmware.release.version import RELEASE, slot
from firmware.service import Unit

F = TypeVar("F", bound=msgspec.Struct)
log = logging.getLogger("updates")


class Ledger:
    """`call`, `shift` and `hub` are followed by the service; the other facts are asked for when they are needed."""

    def __init__(self, unit: Unit, methods: Sequence[bus.Method]) -> None:
        self.unit, self.hardware = unit, unit.config.unit.updates
        self.folder = Path(unit.config.unit.folders.data) / "updates"
        self.memory = memory.load(self.folder / "memory.json")
        self.call: facts.Call | None = None
        self.hub: bool | None = None
        self.shift: bool | None = None
        self.export = bus.Export(unit.bus, "Updates", self.fact(facts.Update()), methods)

    def fact(self, before: facts.Update) -> facts.Update:
        """`before` with what the memory knows. A release is proven where it was marked good on this unit."""
        known, last = self.memory, memory.last_failed(self.memory, RELEASE)
        trial = known.trial.kind if known.trial else ""
        return msgspec.structs.replace(
            before,
            booted=slot(),
            ring=self.hardware.ring,
            proven=True if known.proven == RELEASE else None,
            site=known.trial.version if known.trial and trial == "site" else known.site,
            site_proven=None if trial == "site" else True,
            failed_kind=last.kind if last else "",
            failed_version=last.version if last else "",
            failed=last.reason if last else "",
        )

    def say(self, **changes: Any) -> None:
        self.export.set(msgspec.structs.replace(self.export.value, **changes))

    def remember(self, known: Memory) -> None:
        """On disk, then on the bus; OSError where the disk refuses: then nothing was remembered."""
        memory.keep(self.folder / "memory.json", known)
        self.memory = known
        self.export.set(self.fact(self.export.value))

    def has_failed(self, kind: Kind, version: str, reason: str) -> None:
        self.remember(memory.failed(self.memory, kind, version, reason))

    async def show_slots(self) -> None:
        """What RAUC says is in each slot; nothing where there is no RAUC, which is said in the log."""
        try:
            self.say(installed={each.name: each.version for each in await rauc.connect().slots()})
        except rauc.RaucError as error:
            log.error("%s", error)

    async def ask(self, name: str, kind: type[F]) -> F | None:
        """What a service says now; None where it is away."""
        return await bus.now(self.unit.bus, name, kind)

    @property
    def in_call(self) -> bool | None:
        return None if self.call is None or self.call.state is None else self.call.state != "idle"

    @property
    def on_shift(self) -> bool | None:
        """A lease that runs is a shift; without one, what the shift itself says."""
        return True if memory.held(self.memory, time.time()) else self.shift

    async def situation(self, halted: frozenset[str] = frozenset()) -> Situation:
        """What the policy asks about this unit, as it is now."""
        power, uplinks = await self.ask("Power", facts.Power), await self.ask("Uplinks", facts.Uplinks)
        walk = await self.ask("Acceptance", facts.Acceptance)
        active = next((each for each in uplinks.uplinks if each.active), None) if uplinks else None
        return Situation(
            unit=self.unit.config.unit.name,
            ring=self.hardware.ring,
            booted=RELEASE,
            site=self.memory.site,
            least=self.memory.proven,
            on_shift=self.on_shift,
            in_call=self.in_call,
            accepting=walk is not None and walk.state == "running",
            on_mains={"mains": True, "battery": False}.get(power.source) if power else None,
            over_lte=active.kind == "lte" if active else None,
            lte_frugal=uplinks.lte_frugal if uplinks else None,
            refused=memory.versions_failed(self.memory, "bundle"),
            refused_sites=memory.versions_failed(self.memory, "site"),
            halted=halted,
        )
