"""A survey in the terminal: while it is measured, and its verdict."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from firmware.facts import Status
from hdu.status import text
from hdu.survey.report import MARK, WORDS
from hdu.survey.soak import Told
from hdu.survey.verdicts import STAR, Outcome, Verdict, Whole, lasting
from hdu.watch import line

STYLE: dict[Outcome, str] = {"met": "green", "condition": "yellow", "not met": "bold red", "not shown": "magenta"}
WHOLE: dict[Whole, str] = {
    "fit": "bold green",
    "fit with conditions": "bold yellow",
    "not fit": "bold red",
    "not shown": "bold magenta",
}


def picture(status: Status | None, progress: Progress) -> Group:
    """What is measured now, and how far it is."""
    if status is None:
        return Group(Text("the unit says nothing just now", style="bold red"), progress)
    uplinks = Table("uplink", "state", "round trip", "jitter", "loss", "why", box=None, header_style="dim")
    for each in status.uplinks:
        uplinks.add_row(*line(each))
    home = Text.assemble(
        ("power ", "dim"),
        f"{status.power.source}, {text(status.power.minutes_at_least, ' min')} at least   ",
        ("LTE ", "dim"),
        f"{text(status.modem.signal_dbm, ' dBm')}   ",
        ("clock ", "dim"),
        f"{text(status.clock.error_ms, ' ms')}   ",
        ("room ", "dim"),
        text(status.headset.noise_floor_dbfs, " dBFS"),
    )
    return Group(uplinks, home, Text(""), progress, Text("Ctrl-C stops; what was measured is kept", style="dim"))


@contextmanager
def progress(console: Console, done_s: float, length_s: float) -> Iterator[Told]:
    """Shows how far a survey of `length_s` is, which already has `done_s`; gives who wants to be told of samples."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(None), TaskProgressColumn(), TimeRemainingColumn(), console=console
    )
    task = bar.add_task("", total=length_s)
    bar.update(task, completed=done_s)

    def told(status: Status | None, measured_s: float) -> None:
        words = f"{lasting(done_s + measured_s)} of {lasting(length_s)}"
        bar.update(task, completed=done_s + measured_s, description=words)
        live.update(picture(status, bar), refresh=True)

    with Live(bar, console=console, auto_refresh=False, transient=True) as live:
        yield told


def verdict(of: Verdict, console: Console) -> None:
    """The lines as a table, the whole below."""
    table = Table("", "what", "measured", "required", "", box=None, header_style="dim", pad_edge=False)
    last = ""
    for each in of.findings:
        mark, words = MARK[each.outcome]
        outcome = Text(f"{mark} {words}", style=STYLE[each.outcome])
        table.add_row(
            Text(each.subject if each.subject != last else "", "bold"), each.what, each.measured, each.required, outcome
        )
        last = each.subject
    console.print(table)
    console.print(Text(STAR, style="dim"))
    title, sentence = WORDS[of.whole]
    console.print(Text.assemble("\n", (title, WHOLE[of.whole]), f".  {sentence}"))
