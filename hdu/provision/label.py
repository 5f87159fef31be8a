"""The label under a unit, 90 x 50 mm: what it is in words, and the same for a scanner. Nothing on it is secret."""

from hdu.provision.identity import Provisioned
from hdu.provision.paper import INK, QUIET, Paper

WIDTH, HEIGHT, EDGE, CODE = 90.0, 50.0, 5.0, 31.0


def code(told: Provisioned) -> str:
    """What the QR code says: what a scanner answers `hdu provision begin --scan` with."""
    one = told.answers
    pairs = {"unit": one.unit, "panel": one.panel, "sim": one.sim, "number": one.number, "headset": one.headset}
    return "hdu:" + ";".join(f"{field}={value}" for field, value in pairs.items() if value)


def label(told: Provisioned) -> bytes:
    """One page of PDF."""
    paper, one = Paper(WIDTH, HEIGHT, f"Label {told.answers.unit}"), told.answers
    paper.words(EDGE, 5, told.agency, 8, colour=QUIET, width=46)
    size = next((points for points in (22, 18, 14, 11, 9, 7) if _wide(paper, one.unit, points) <= 46), 6)
    paper.words(EDGE, 11.5, one.unit, size, bold=True, colour=INK)
    paper.rule(EDGE, 23.5, 46)
    rows = {"Panel": one.panel, "SIM": one.sim, "Number": one.number, "Headset": one.headset[:24]}
    y = 26.0
    for name, value in {name: value for name, value in rows.items() if value}.items():
        paper.words(EDGE, y, name, 6.5, colour=QUIET)
        paper.words(EDGE + 13, y, value, 6.5, width=34)
        y += 4.1
    paper.words(EDGE, HEIGHT - 6.5, f"Provisioned {told.at[:10]}   No. {told.number}", 5.5, colour=QUIET)
    paper.qr(WIDTH - EDGE - CODE, 5, CODE, code(told))
    paper.words(WIDTH - EDGE - CODE + 2, 38, "Help, at any hour", 6, colour=QUIET, width=CODE)
    paper.words(WIDTH - EDGE - CODE + 2, 41, told.helpline, 8, bold=True, width=CODE)
    return paper.content()


def _wide(paper: Paper, text: str, points: float) -> float:
    paper.set_font("Helvetica", "B", points)
    return float(paper.get_string_width(text))
