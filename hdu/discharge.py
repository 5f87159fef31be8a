"""A battery test watched until it ends: `hdu selftest power` waits for it where a person looks on."""

import asyncio

from rich.console import Console
from rich.live import Live
from rich.text import Text

from firmware import bus, facts
from hdu.status import text

BEGINS_S = 30.0


async def until_ended(console: Console) -> facts.Power | None:
    """The power fact after the test; None where none began within BEGINS_S. Ctrl-C leaves the test running."""
    system, running = bus.connect(), False
    with Live(console=console, auto_refresh=False, transient=True) as live:
        async with asyncio.timeout(BEGINS_S) as bound:
            async for power in bus.follow(system, "Power", facts.Power):
                if power is not None and power.test == "running" and not running:
                    running = True
                    bound.reschedule(None)
                if running and power is not None and power.test != "running":
                    return power
                if power is not None:
                    live.update(picture(power), refresh=True)
                if not running and power is not None and power.test_ended.startswith("not begun"):
                    return None
    return None


def picture(power: facts.Power) -> Text:
    words = f"{text(power.percent, ' %')}, {text(power.voltage_v, ' V')}, {text(power.minutes_left, ' min')} left"
    return Text.assemble(("battery test  ", "bold"), words, ("   Ctrl-C leaves it running", "dim"))


def result(power: facts.Power) -> str:
    """What the test found, in words."""
    if power.test_ended != "done" or power.tested_minutes is None:
        return f"The battery test ended: {power.test_ended or 'nobody knows why'}."
    health = "" if power.health_percent is None else f", {power.health_percent:.0f} % of a new one"
    advice = " Replace it." if power.replace else ""
    return f"The battery lasts {power.tested_minutes:.0f} minutes{health}.{advice}"
