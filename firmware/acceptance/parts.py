"""Are the parts those that the unit was provisioned with? Pure: what was answered, is measured, and was scanned."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from firmware.acceptance.finding import Finding
from firmware.facts import Modem

FILE = "provisioned.json"


class Answers(Struct, frozen=True):
    """Of what was answered at its provisioning: the panel's number, and the SIM's (empty: it has none)."""

    panel: str
    sim: str = ""


class Provisioned(Struct, frozen=True):
    """Of FILE, as hdu.provision.identity writes it."""

    answers: Answers


def parts(provisioned: bytes | None, modem: Modem, panel: str) -> Iterator[Finding]:
    """The same from the file's content; a unit that was not provisioned here (None) cannot tell."""
    try:
        told = msgspec.json.decode(provisioned or b"", type=Provisioned)
    except msgspec.DecodeError as error:
        why = "this unit was not provisioned here" if provisioned is None else f"{FILE} cannot be read: {error}"
        return iter([Finding("parts", "warning", f"not compared with the provisioning: {why}")])
    return compared(told.answers, modem, panel)


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
