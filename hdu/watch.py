"""`hdu watch`: the unit live in the terminal, until Ctrl-C."""

import time
from collections.abc import Sequence

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firmware.facts import Status, Uplink
from hdu import unit
from hdu.arguments import Arguments
from hdu.status import rows, text

EVERY_S = 0.25
COLOUR = {"up": "green", "suspect": "yellow", "down": "red", "unknown": "magenta"}


def line(uplink: Uplink) -> tuple[Text | str, ...]:
    loss = None if uplink.loss is None else uplink.loss * 100
    return (
        Text(("▶ " if uplink.active else "  ") + uplink.name, style="bold" if uplink.active else ""),
        Text(uplink.state, style=COLOUR[uplink.state]),
        text(uplink.rtt_ms, " ms"),
        text(uplink.jitter_ms, " ms"),
        text(loss, " %"),
        uplink.reason,
    )


def picture(status: Status) -> Group:
    """The uplinks as a table, everything else below."""
    uplinks = Table("uplink", "state", "round trip", "jitter", "loss", "why", title=f"{status.unit}  {status.at}")
    for each in status.uplinks:
        uplinks.add_row(*line(each))
    rest = Table.grid(padding=(0, 2))
    names = {each.name for each in status.uplinks}
    for part, words in rows(status):
        if part not in names:
            rest.add_row(Text(part, style="dim"), words)
    return Group(uplinks, rest)


def main(arguments: Sequence[str]) -> int:
    Arguments(prog="hdu watch", description=__doc__).parse_args(arguments)
    with Live(picture(unit.status()), auto_refresh=False, screen=True) as live:
        while True:
            live.update(picture(unit.status()), refresh=True)
            time.sleep(EVERY_S)
