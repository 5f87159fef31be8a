"""How far a walk is: what its process says, a line at a time, and the fact that becomes of it. Pure."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from firmware import facts
from firmware.acceptance.finding import Finding

MOST_FINDINGS = 200
LOST = "the walk did not come to its end; see the log of the readiness service, and begin again"


class Walk(facts.Acceptance, frozen=True):
    """What the bus tells of it."""

    findings: tuple[Finding, ...] = ()


class Asked(Struct, frozen=True, tag=True):
    """A step begins; `words` is what the technician must do for it (empty: nothing)."""

    key: str
    words: str = ""


class Found(Struct, frozen=True, tag=True):
    finding: Finding


class Signed(Struct, frozen=True, tag=True):
    """It has ended: the report as a file, and its verdict."""

    verdict: str
    report: str


class Failed(Struct, frozen=True, tag=True):
    """It has ended without a report."""

    reason: str


Line = Asked | Found | Signed | Failed


def begun(technician: str, at: str) -> Walk:
    return Walk(state="running", technician=technician, began=at)


def after(walk: Walk, line: Line) -> Walk:
    """The walk after one more line; one that has ended stays as it ended."""
    if walk.state != "running":
        return walk
    match line:
        case Asked(key, words):
            return replace(walk, step=key, ask=words)
        case Found(finding):
            return replace(walk, findings=kept(walk.findings, finding))
        case Signed(verdict):
            return replace(walk, state="ended", step="", ask="", verdict=verdict)
        case Failed(reason):
            return replace(walk, state="ended", step="", ask="", reason=reason)


def kept(findings: Sequence[Finding], one: Finding) -> tuple[Finding, ...]:
    """More than MOST_FINDINGS are no walk of ours; the bus takes no endless message."""
    return (*findings, one)[:MOST_FINDINGS]
