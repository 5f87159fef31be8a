"""What is published, read back from the repository's own files: which roll-outs, and which of them are stopped.

Only for who serves that folder: nothing is verified here. Units verify.
"""

from pathlib import Path
from typing import Any

import msgspec

from firmware.release.rollout import RollOut, RollOutError, parse, version_key
from hub.updates.files import UpdatesError, read_json


class Published(msgspec.Struct, frozen=True):
    """`halted` is why the roll-out is stopped; None: it is not."""

    roll_out: RollOut
    halted: str | None = None


def newest(public: Path, role: str) -> dict[str, Any]:
    """The targets of the newest metadata of a role, by name; empty where there is none."""
    files = {each.name.partition(".")[0]: each for each in (public / "metadata").glob(f"*.{role}.json")}
    numbers = [int(each) for each in files if each.isdecimal()]
    if not numbers:
        return {}
    found = read_json(files[str(max(numbers))]).get("signed", {})
    return dict(found.get("targets", {})) if isinstance(found, dict) else {}


def content(public: Path, name: str, target: dict[str, Any]) -> bytes:
    folder, _, file = name.rpartition("/")
    try:
        return (public / "targets" / folder / f"{target['hashes']['sha256']}.{file}").read_bytes()
    except (OSError, KeyError, TypeError) as error:
        raise UpdatesError(f"{name}: is named and not there ({error}); publish it again") from error


def roll_outs(public: Path) -> list[Published]:
    """The newest first; what cannot be read is left out, as the units leave it."""
    halts, found = newest(public, "halts"), []
    for name, target in newest(public, "targets").items():
        if name.startswith("rollouts/"):
            try:
                out = parse(content(public, name, target), name)
            except (RollOutError, UpdatesError):
                continue
            halt = f"halts/{out.id}"
            why = content(public, halt, halts[halt]).decode(errors="replace").strip() if halt in halts else None
            found.append(Published(out, why))
    return sorted(found, key=lambda each: (version_key(each.roll_out.version), each.roll_out.id), reverse=True)
