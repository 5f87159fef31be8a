"""The panel service: buttons to the spool, lamps from measured facts. It has no bus and needs no other service.

Edges come in the pin factory's thread and are handed to the event loop with their time; what they mean is decided in
`contacts` and `gestures`. Alerts are written by a thread that does nothing else, so that a press waits for no one, and
the lamp answers when its alert is on disk. Everything that may be slow (mute, re-reading) goes to other threads.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from firmware.buttons import contacts, gestures, lamps
from firmware.buttons.panelfiles import PanelFiles
from firmware.buttons.raising import Raising
from firmware.buttons.standby import in_charge
from firmware.drivers.panel import PanelLines, factory
from firmware.facts import Button, Lamps, Panel, Pattern
from firmware.service import Unit, run
from firmware.watch import names

START_S = 0.25
"""What is decided this soon after the start was so before it: a PANIC held down, a wire cut."""
HANDOVER_S, HANDOVER_MAX_S = 0.001, 0.005
"""Edges that were held up come in a row: nothing is taken as still until none has come for this long, or at most."""
log = logging.getLogger("panel")


class PanelService:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.hardware, folders = unit, unit.config.unit.panel, unit.config.unit.folders
        self.timing = contacts.Timing(
            debounce_s=self.hardware.debounce_ms / 1e3,
            agree_s=self.hardware.agree_ms / 1e3,
            contact_fault_s=self.hardware.contact_fault_ms / 1e3,
            stuck_s=self.hardware.stuck_s,
        )
        self.policy = gestures.Policy(
            mute_button=self.hardware.mute_button, hold_s=self.hardware.hold_s, again_s=self.hardware.again_s
        )
        self.loop = asyncio.get_running_loop()
        self.slow = ThreadPoolExecutor(1, "slow")
        self.files = PanelFiles(Path(folders.data), Path(folders.run))
        self.raising = Raising(unit, self.files, self.turn)
        self.hands, self.request = gestures.Hands(), lamps.Request()
        self.patterns: dict[str, tuple[Pattern, float]] = {}
        self.quiet_at, self.unturned = 0.0, math.inf
        self.doubted_at, self.read_now = 0.0, asyncio.Event()
        self.told: Panel | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.buttons: dict[Button, contacts.Button] = {}
        self.lines = PanelLines(self.hardware, self.edge, self.loop.time)

    def start(self) -> None:
        """Reads every contact, and finishes what a panel before this one left."""
        self.started = now = self.loop.time()
        found = self.lines.closed()
        for name in ("panic", "mute", "assist"):
            levels = tuple(closed for button, _, closed in found if button == name)
            self.buttons[name] = contacts.button(name, levels, now)
        panic = self.buttons["panic"].contacts
        pressed = any(each.raw != each.normally_closed for each in panic)
        self.held_before = self.raising.recover(pressed, self.hardware.stuck_s)
        self.tampered_before = self.raising.tamper_is_open()
        self.started = self.loop.time()  # a slow disk must not make a press held over a crash a new one
        self.turn()

    def edge(self, button: Button, place: int, closed: bool, at: float) -> None:
        """From the pin factory's thread."""
        self.loop.call_soon_threadsafe(self.sampled, button, place, closed, at)

    def sampled(self, button: Button, place: int, closed: bool, at: float) -> None:
        if button in self.buttons:
            now = self.loop.time()
            self.unturned = min(self.unturned, now)
            self.quiet_at = min(now + HANDOVER_S, self.unturned + HANDOVER_MAX_S)
            self.became(button, *contacts.sample(self.buttons[button], place, closed, at, self.timing))
            self.arm(now)

    def turn(self) -> None:
        """What time alone has decided; then the lamps and the fact, and the next time to look."""
        now = self.loop.time()
        if now >= self.quiet_at:
            self.unturned = math.inf
            for name, state in list(self.buttons.items()):
                self.became(name, *contacts.step(state, now, self.timing))
        self.hands, actions = gestures.step(self.hands, now, self.policy)
        self.act(actions)
        self.show(now)
        self.doubt(now)
        self.arm(now)

    def became(self, name: Button, state: contacts.Button, changes: tuple[contacts.Change, ...]) -> None:
        before, self.buttons[name] = self.buttons[name], state
        for change in changes:
            self.meant(name, change)
        if state.wiring and not before.wiring and not (self.tampered_before and self.starting()):
            self.raising.raise_("tamper")
        for fault in set(contacts.faults(state)) - set(contacts.faults(before)):
            log.error("fault: %s", fault)

    def meant(self, name: Button, change: contacts.Change) -> None:
        if name == "panic" and change == "press" and self.held_before and self.starting():
            self.held_before = False
            return
        now, muted = self.loop.time(), self.files.mute() if name == "mute" else "live"
        self.hands, actions = gestures.decide(self.hands, name, change, muted, now, self.policy)
        self.act(actions)
        if name == "panic" and change == "release":
            self.raising.let_go()

    def starting(self) -> bool:
        return self.loop.time() < self.started + START_S

    def act(self, actions: tuple[gestures.Action, ...]) -> None:
        for action in actions:
            match action:
                case gestures.Raise(kind=kind):
                    self.raising.raise_(kind)
                case gestures.SetMute(to=to):
                    self.slow.submit(logged, self.files.set_mute, to)
                case gestures.SelfTest():
                    self.slow.submit(logged, self.files.ask_selftest)
                case gestures.Consent(given=given):
                    self.slow.submit(logged, self.files.consent if given else self.files.take_back)

    def faults(self) -> tuple[str, ...]:
        return tuple(fault for each in self.buttons.values() for fault in contacts.faults(each)) + self.raising.faults()

    def show(self, now: float) -> None:
        """Lamps first; the fact for the others when it has changed."""
        state, faulty = self.raising.state(now), bool(contacts.faults(self.buttons["panic"]))
        panic = lamps.panic(state, faulty, self.raising.unsaved_panic())
        self.light("panic_lamp", panic, now)
        self.light("mute_lamp", self.request.mute, now)
        for lamp, lit in zip(("safe_green", "safe_red"), lamps.safe(self.request.safe), strict=True):
            self.light(lamp, self.request.safe_pattern if lit else "off", now)
        shown = Lamps(panic=panic, mute=self.request.mute, safe=self.request.safe)
        self.tell(Panel(read=True, panic=state, mute=self.request.mute_state, lamps=shown, faults=self.faults()))

    def light(self, lamp: str, pattern: Pattern, now: float) -> None:
        if lamp not in self.patterns or self.patterns[lamp][0] != pattern:
            self.patterns[lamp] = (pattern, now)
        self.lines.light(lamp, lamps.lit(pattern, now - self.patterns[lamp][1]))

    def tell(self, fact: Panel) -> None:
        if fact != self.told:
            logged(self.files.tell, fact)
            self.told = fact

    def doubt(self, now: float) -> None:
        """Has the contacts read anew, once, before alike ones become a fault."""
        at = contacts.doubt_at(self.buttons["panic"], self.timing) if self.buttons else None
        if at is not None and now >= at > self.doubted_at:
            self.doubted_at = at
            self.read_now.set()

    def arm(self, now: float) -> None:
        """Turns again at the first time anything changes by itself."""
        times = [contacts.due(each, self.timing) for each in self.buttons.values()]
        doubts = [contacts.doubt_at(each, self.timing) for each in self.buttons.values()]
        times += [at for at in doubts if at is not None and at > now]
        times += [gestures.due(self.hands, self.policy), self.raising.due()]
        times += [lamps.next_change(pattern, since, now) for pattern, since in self.patterns.values()]
        if self.timer:
            self.timer.cancel()
        if now < self.quiet_at:
            times.append(self.quiet_at)
        soonest = min((max(each, self.quiet_at) for each in times if each is not None), default=None)
        self.timer = None if soonest is None else self.loop.call_at(soonest, self.turn)

    async def reread(self) -> None:
        """Edges get lost: every contact is read anew, and every request for a lamp looked at again."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.hardware.reread_s):
                    await self.read_now.wait()
            self.read_now.clear()
            at = self.loop.time()
            for button, place, closed in await asyncio.to_thread(self.lines.closed):
                self.sampled(button, place, closed, at)
            logged(self.files.is_read)
            self.look()

    async def follow_requests(self) -> None:
        async for name in names(self.files.run):
            if name in ("", "lamps.json"):
                self.look()

    def close(self) -> None:
        if self.timer:
            self.timer.cancel()
        self.lines.close()

    def look(self) -> None:
        self.request = self.files.request(self.hardware.lamps_stale_s)
        self.turn()


def logged(action: Callable[..., None], *args: object) -> None:
    """Runs what can only fail with OSError; a disk that fails must not end the taking of presses."""
    try:
        action(*args)
    except OSError as error:
        log.error("cannot write %s: %s; free or replace the disk", error.filename, error.strerror)


async def body(unit: Unit) -> None:
    """Two of these run on a unit: a press while one of them dies is taken by the other."""
    factory(unit.config.unit.panel.pin_factory)
    unit.ready()
    await in_charge(Path(unit.config.unit.folders.run) / "panel.lock")
    service = PanelService(unit)
    service.start()
    for task in (service.reread(), service.follow_requests(), service.raising.follow(), service.raising.keep_reserve()):
        unit.group.create_task(task)
    log.info("in charge")
    try:
        await asyncio.Event().wait()
    finally:
        service.close()


if __name__ == "__main__":
    run(body, on_bus=False)
