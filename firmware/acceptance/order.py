"""Who accepts this unit, and whether it may be accepted now. Pure."""

from msgspec import Struct

from firmware.facts import Status

LONGEST_NAME, PATIENCE_S = 80, (1.0, 900.0)
NOT_NOW = "not now: "


class Seen(Struct, frozen=True):
    """The unit at one moment. `open_alerts` None: not known."""

    status: Status
    open_alerts: int | None = None


class Order(Struct, frozen=True):
    """`panel` is the number on the panel's back (empty: not compared); each step is given `patience_s`."""

    technician: str
    panel: str
    patience_s: float


def order(technician: str, panel: str, patience_s: float) -> Order:
    """ValueError, in words, for what is no name, no number or no patience."""
    low, high = PATIENCE_S
    if not _fits(technician.strip()) or not technician.strip():
        raise ValueError(f"acceptance: the technician's name, 1 to {LONGEST_NAME} printable characters, please")
    if not _fits(panel.strip()):
        raise ValueError(f"acceptance: the panel's number has at most {LONGEST_NAME} printable characters")
    if not low <= patience_s <= high:
        raise ValueError(f"acceptance: {patience_s:g} s is no patience for a step; give {low:g} to {high:g}")
    return Order(technician.strip(), panel.strip(), patience_s)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST_NAME and (not text or text.isprintable())


def disturbed(status: Status) -> str:
    """Why nobody may be walked through this unit, at the beginning or in the midst; empty: nothing is known to."""
    if status.call.state in ("ringing", "active"):
        return f"a call is {status.call.state}"
    return f"{status.shift.who or 'somebody'} is on shift" if status.shift.on else ""


def barred(seen: Seen) -> str:
    """Why no acceptance may begin; empty: nothing is known to. Its own alerts must not be taken for a person's."""
    if words := disturbed(seen.status):
        return f"{words}; wait for its end"
    if seen.open_alerts:
        return f"{seen.open_alerts} alert(s) wait for a person; have them answered first"
    return ""


def unknown(seen: Seen) -> str:
    """What must be known before one is walked, and is not; empty: all of it is."""
    known = {
        "whether a call is on": seen.status.call.state,
        "whether somebody is on shift": seen.status.shift.on,
        "whether an alert is open": seen.open_alerts,
    }
    missing = [words for words, value in known.items() if value is None]
    return f"nobody knows {' or '.join(missing)}; see hdu status, mend that and begin again" if missing else ""
