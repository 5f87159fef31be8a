"""The label under a unit, 90 x 50 mm: what it is in words, and the same for a scanner. Nothing on it is secret."""

from hdu.provision.identity import Provisioned
from hdu.provision.paper import QUIET, Paper

WIDTH, HEIGHT, EDGE, CODE = 90.0, 50.0, 5.0, 31.0


def code(told: Provisioned) -> str:
    """What the QR code says: what a scanner answers `hdu provision begin --scan` with."""
    one = told.answers
    pairs = {"unit": one.unit, "panel": one.panel, "sim": one.sim, "number": one.number, "headset": one.headset}
    return "hdu:" + ";".join(f"{field}={value}" for field, value in pairs.items() if value)


def label(told: Provisioned) -> bytes:
    """One page of PDF."""
    paper, one = Paper(WIDTH, HEIGHT, f"Label {told.answers.unit}"), told.answers
    paper.line_of(EDGE, 5, told.agency, 8, 46)
    paper.line_of(EDGE, 11.5, one.unit, 22, 46, bold=True)
    paper.rule(EDGE, 23.5, 46)
    rows = {"Panel": one.panel, "SIM": one.sim, "Number": one.number, "Headset": one.headset}
    y = 26.0
    for name, value in {name: value for name, value in rows.items() if value}.items():
        paper.words(EDGE, y, name, 6.5, colour=QUIET)
        paper.line_of(EDGE + 13, y, value, 6.5, 33)
        y += 4.1
    paper.words(EDGE, HEIGHT - 6.5, f"Provisioned {told.at[:10]}   No. {told.number}", 5.5, colour=QUIET)
    paper.qr(WIDTH - EDGE - CODE, 5, CODE, code(told))
    paper.words(WIDTH - EDGE - CODE + 2, 38, "Help, at any hour", 6, colour=QUIET, width=CODE)
    paper.line_of(WIDTH - EDGE - CODE + 2, 41, told.helpline, 8, CODE - 3, bold=True)
    return paper.content()
