"""A walk as it is looked at: the unit makes it, whoever looks may go and come back."""

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.markup import escape

from firmware import bus
from firmware.acceptance.finding import Finding
from firmware.acceptance.order import Order
from firmware.acceptance.progress import Walk
from hdu.failure import Failure

if TYPE_CHECKING:
    from sdbus import SdBus

MARK = {"passed": "[green]ok[/]     ", "warning": "[yellow]note[/]   ", "failed": "[bold red]FAILED[/] "}
BEGIN = "begin one with: hdu selftest --acceptance --technician NAME"


async def seen_through(given: Order | None, console: Console) -> str:
    """The signed report of the walk that is begun, taken up where one runs, or was the last; Failure without one."""
    system = bus.connect()
    if given is not None:
        await begin(system, given, console)
    async for walk in steps(system, console):
        if walk.reason:
            raise Failure(f"hdu selftest: the acceptance ended without a report: {walk.reason}")
    text = str(await bus.call(system, "Acceptance", "Report"))
    if not text:
        raise Failure(f"hdu selftest: this unit was never accepted; {BEGIN}", 2)
    return text


async def begin(system: "SdBus", given: Order, console: Console) -> None:
    """One that runs is taken up; whatever else keeps it from beginning is a Failure."""
    try:
        await bus.call(system, "Acceptance", "Begin", "ssd", *msgspec.structs.astuple(given))
    except bus.BusError as error:
        if "one is running" not in str(error):
            raise Failure(f"hdu selftest: {said(error)}") from error
        console.print("An acceptance is running already; this is it.")


async def stopped() -> None:
    """Ends the one that runs, without a report."""
    await bus.call(bus.connect(), "Acceptance", "Stop")


def said(error: bus.BusError) -> str:
    """What the service said, without what the bus says around it."""
    return str(error).partition("ValueError: ")[2].removesuffix("')") or str(error)


async def steps(system: "SdBus", console: Console) -> AsyncIterator[Walk]:
    """The walk at each change, told as it comes, until none runs."""
    shown = Walk()
    async for walk in bus.follow(system, "Acceptance", Walk):
        if walk is None:
            raise Failure(f"hdu selftest: the unit's readiness service is away, and its walk with it; {BEGIN}")
        if walk.state == "running":
            for line in news(shown, walk):
                console.print(line, soft_wrap=True)
        shown = walk
        yield walk
        if walk.state != "running":
            return


def news(before: Walk, now: Walk) -> Iterator[str]:
    """The lines that are new since `before`, in rich's markup."""
    yield from (told(finding) for finding in now.findings[len(before.findings) :])
    if now.ask and now.step != before.step:
        yield f"\n[bold cyan]{escape(now.step)}:[/] [bold]{escape(now.ask)}[/]"


def told(finding: Finding) -> str:
    mark = MARK.get(finding.outcome, "[dim]-[/]      ")
    return f"  {mark} [bold]{escape(finding.part)}[/]  {escape(finding.words)}"
