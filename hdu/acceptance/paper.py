"""The report on paper, A4: the verdict, every finding, and by what the signed file is known."""

import hashlib

from firmware.acceptance.finding import Finding
from firmware.acceptance.report import Acceptance, sound
from hdu.provision.paper import AMBER, GREEN, QUIET, RED, WHITE, Colour, Paper

WIDTH, HEIGHT, EDGE = 210.0, 297.0, 18.0
INNER, FOOT = WIDTH - 2 * EDGE, 26.0
COLOURS: dict[str, Colour | None] = {"passed": GREEN, "warning": AMBER, "failed": RED, "unavailable": None}


def paper(report: Acceptance, signed: bytes) -> bytes:
    """As many pages as it takes; `signed` is the file it is the print of."""
    digest = hashlib.sha256(signed).hexdigest()
    made = Paper(WIDTH, HEIGHT, f"Acceptance {report.unit}")
    y = _head(made, report, digest)
    for title, findings in (
        ("Walked through with the technician", report.walked),
        ("Measured by itself", report.alone),
    ):
        y = _section(made, y, title, findings, digest)
    _foot(made, digest)
    return made.content()


def _head(made: Paper, report: Acceptance, digest: str) -> float:
    verdict = sound(report)
    made.words(EDGE, 16, "Acceptance report", 10, colour=QUIET)
    made.words(EDGE, 21, report.unit, 24, bold=True)
    made.panel(EDGE, 36, INNER - 34, 12, GREEN if verdict == "accepted" else RED)
    made.words(EDGE + 5, 38.6, verdict.capitalize(), 14, bold=True, colour=WHITE)
    made.qr(WIDTH - EDGE - 31, 16, 32, f"hdu-acceptance:{report.unit};sha256={digest}")
    facts = (
        f"{report.began[:16].replace('T', ' ')} UTC",
        f"{report.took_s / 60:.1f} minutes",
        f"release {report.version}",
    )
    made.words(EDGE, 51.5, "   |   ".join(facts), 9, colour=QUIET)
    if report.technician:
        made.words(EDGE, 56, f"Technician: {report.technician}", 9, colour=QUIET)
    return 65.0


def _section(made: Paper, y: float, title: str, findings: tuple[Finding, ...], digest: str) -> float:
    made.words(EDGE, y, title, 11, bold=True)
    made.rule(EDGE, y + 6.2, INNER)
    y += 8.4
    for each in findings:
        if y > HEIGHT - FOOT - 10:
            _foot(made, digest)
            made.add_page()
            y = 18.0
        y = _row(made, y, each)
    return y + 4.0


def _row(made: Paper, y: float, each: Finding) -> float:
    made.lamp(EDGE + 0.6, y + 0.5, 2.8, COLOURS[each.outcome])
    made.words(EDGE + 6.5, y, each.part, 8.5, bold=True, width=42)
    took = "" if each.took_s is None else f"{each.took_s * 1000:.0f} ms" if each.took_s < 1 else f"{each.took_s:.1f} s"
    made.words(WIDTH - EDGE - 14, y, took, 8.5, colour=QUIET)
    return made.words(EDGE + 50, y, each.words, 8.5, width=INNER - 66) + 1.3


def _foot(made: Paper, digest: str) -> None:
    made.rule(EDGE, HEIGHT - FOOT, INNER)
    words = "Signed by the unit. To verify: hdu selftest --verify FILE.json, whose SHA-256 is"
    made.words(EDGE, HEIGHT - FOOT + 3, words, 8, colour=QUIET)
    made.words(EDGE, HEIGHT - FOOT + 7.2, digest, 8, colour=QUIET)
