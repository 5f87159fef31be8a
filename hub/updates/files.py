"""Reading and writing the repository's files: whole or not at all, and errors in words."""

import json
import os
from pathlib import Path
from typing import Any


class UpdatesError(Exception):
    """Something about keys, metadata or what is published is not as it must be: what, where, what to do."""


def read_json(at: Path) -> dict[str, Any]:
    try:
        found = json.loads(at.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UpdatesError(f"{at}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise UpdatesError(f"{at}: is not a JSON object")
    return found


def to_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def write(at: Path, content: bytes, mode: int = 0o644) -> None:
    """`at` holds `content` for good when this returns, or what it held before."""
    at.parent.mkdir(parents=True, exist_ok=True)
    new = at.with_name(f".{at.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(at)
