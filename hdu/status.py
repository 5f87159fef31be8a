"""`hdu status [--json]`: exit 0 when the unit is safe to take calls, 1 when it is not or is not known to be."""

from collections.abc import Sequence

from firmware.facts import Acceptance, Status, Storage
from hdu import unit
from hdu.arguments import Arguments
from hdu.shift import words


def text(value: object, unit: str = "") -> str:
    """A value as a person reads it; None is `unknown`."""
    if value is None or value == "":
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1f}{unit}" if isinstance(value, float) else f"{value}{unit}"


def rows(status: Status) -> list[tuple[str, str]]:
    """The status document as (part, words), in the order a dispatcher asks."""
    ready = {True: "safe to take calls", False: "NOT safe to take calls", None: "unknown"}[status.readiness.safe]
    found = [("verdict", ready), *(("", reason) for reason in status.readiness.reasons)]
    panel, power = status.panel, status.power
    found.append(("panel", f"panic {panel.panic}, mute {text(panel.mute)}"))
    found += [("", f"fault: {fault}") for fault in panel.faults]
    found.append(("headset", f"present {text(status.headset.present)}, {text(status.headset.name)}"))
    found.append(("shift", words(status.shift)))
    if status.acceptance.state:
        found.append(("accept", accepting(status.acceptance)))
    found.append(("call", f"{text(status.call.state)}, MOS {text(status.call.mos)}"))
    for each in status.uplinks:
        mark = "active" if each.active else "standby"
        found.append((each.name, f"{each.state}, {mark}, {text(each.rtt_ms, ' ms')} {each.reason}".rstrip()))
    lte = status.lte
    found.append(("LTE", f"{text(lte.used_mb, ' MB')} used this month, {text(lte.forecast_mb, ' MB')} expected"))
    found.append(("moved", f"last outage {text(status.outage_ms, ' ms')}"))
    found.append(("modem", f"{text(status.modem.operator)}, {text(status.modem.signal_dbm, ' dBm')}"))
    found.append(("power", f"{power.source}, {text(power.percent, ' %')}, {text(power.minutes_left, ' min')} left"))
    hub = status.hub
    found.append(("hub", f"connected {text(hub.connected)}, {text(hub.pending_alerts)} alerts waiting"))
    found += [
        ("help", f"remote help {text(status.remote_help.state)}, {', '.join(status.remote_help.who) or 'nobody is in'}")
    ]
    found.append(("data", kept(status.storage)))
    return found


def accepting(walk: Acceptance) -> str:
    """What is asked for now, or what came of it."""
    if walk.state == "running":
        return f"running: {walk.ask or 'the unit measures by itself'}"
    return walk.verdict or walk.reason


def kept(storage: Storage) -> str:
    """How what the unit keeps is kept, in words."""
    words = {True: "encrypted", False: f"NOT encrypted: {storage.reason}", None: "unknown"}[storage.encrypted]
    return words + ("; lost and made anew at this boot" if storage.lost else "")


def main(arguments: Sequence[str]) -> int:
    parser = Arguments(prog="hdu status", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the status document")
    given = parser.parse_args(arguments)
    document = unit.document()
    status = unit.status(document)
    if given.json:
        print(document)
    else:
        print(f"{status.unit}, release {status.version}, slot {text(status.slot)}, {status.at}")
        print("\n".join(f"  {part:<8} {words}" for part, words in rows(status)))
    return 0 if status.readiness.safe else 1
