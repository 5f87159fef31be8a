"""What can be done to a headset's twin, whichever it is."""

from collections.abc import Mapping

Known = Mapping[str, type | tuple[type, ...]]
KNOWN: Known = {
    "plugged": bool,
    "speaking": bool,
    "room": bool,
    "level_dbfs": (int, float),
    "button": str,
    "stuck_switch": bool,
    "heal": bool,
}


def check(body: Mapping[str, object], known: Known = KNOWN) -> None:
    """ValueError, in one line, where it is wrong."""
    for key, value in body.items():
        kind = known.get(key)
        if kind is None:
            raise ValueError(f"headset: {key} is not known here; use one of {', '.join(known)}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"headset: {key} = {value!r} is of the wrong kind; see GET /twin/headset")
    if body.get("button", "mute") != "mute":
        raise ValueError(f"headset: it has no button {body['button']!r}; its only one is mute")
    level = body.get("level_dbfs", -20)
    if isinstance(level, (int, float)) and not -90 <= level <= 0:
        raise ValueError(f"headset: level_dbfs = {level!r} is out of bounds; give -90 to 0")


def healed(body: Mapping[str, object]) -> dict[str, object]:
    """`body`, with what `heal` stands for."""
    return {**({"plugged": True, "stuck_switch": False} if body.get("heal") else {}), **body}
