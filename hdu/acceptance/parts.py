"""Are the parts those that the unit was provisioned with? Pure: what was answered, is measured, and was scanned."""

from collections.abc import Iterator

from firmware.facts import Modem
from hdu.acceptance.report import Finding
from hdu.provision.answers import Answers


def compared(told: Answers, modem: Modem, panel: str) -> Iterator[Finding]:
    """A finding for each part; `panel` is the number on its back, as scanned now (empty: it was not)."""
    yield _panel(told.panel, panel.strip())
    if told.sim:
        yield _sim(told.sim, modem)


def _panel(own: str, scanned: str) -> Finding:
    """The panel has no memory that could be read: only eyes know its number."""
    if not scanned:
        words = f"not compared: give the number on its back with --panel (this unit's own is {own})"
        return Finding("panel number", "warning", words)
    if scanned != own:
        return Finding("panel number", "failed", f"{scanned} is built in, {own} was provisioned: correct one of them")
    return Finding("panel number", "passed", f"{own}, as provisioned")


def _sim(own: str, modem: Modem) -> Finding:
    if not modem.iccid:
        return Finding("SIM", "warning", f"the modem does not say which card is in it; {own} was provisioned")
    if modem.iccid != own:
        return Finding("SIM", "failed", f"{modem.iccid} is in it, {own} was provisioned: correct one of them")
    return Finding("SIM", "passed", f"{own}, as provisioned")
