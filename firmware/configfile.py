"""Reads `site.toml` and `unit.toml` (folder HDU_CONFIG, default /etc/hdu): all faults at once, never a dead unit.

A value that is wrong keeps its default (unit.toml) or the whole file gives way to the last good one (site.toml, kept as
`site.good.toml` on the data partition); each fault names file, path, value and bound. A file may end with its seal,
`# crc32 1a2b3c4d` over all lines before: then one that changed by itself is told, though its values be well-formed.

Settings that came later than the identity lie in its folder `settings`, where it has one: the identity is root's, that
folder is the updates service's (hdu-updates.service makes it), and what lies there is in force.
"""

import contextlib
import os
import re
import tomllib
import types
import zlib
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from firmware.config import Config, Section, Site, UnitFile

S = TypeVar("S", bound=Section)
SEAL = re.compile(rb"# crc32 ([0-9a-f]{8})\n?\Z")
CHANGED = "is not what was sealed; bring it back, or seal it anew with 'hdu config seal' if a person changed it"
DEFAULT_FOLDER = "/etc/hdu"
SHOWN = 200


def folder() -> Path:
    return Path(os.environ.get("HDU_CONFIG", DEFAULT_FOLDER))


def settings(at: Path | None = None) -> Path:
    """Where new site settings are put."""
    at = at or folder()
    return at / "settings" if (at / "settings").is_dir() else at


def site(at: Path | None = None) -> Path:
    """The site settings in force."""
    at = at or folder()
    newer = settings(at) / "site.toml"
    return newer if newer.exists() else at / "site.toml"


def load(at: Path | None = None) -> tuple[Config, tuple[str, ...]]:
    """The configuration and every fault found, as one line each."""
    at = at or folder()
    unit, unit_faults = _read(UnitFile, at / "unit.toml")
    good = Path(unit.folders.data) / "site.good.toml"
    found, site_faults = _read(Site, site(at))
    if site_faults:
        last, last_faults = _read(Site, good)
        found = Site() if last_faults else last
    else:
        site_faults = _keep(site(at), good)
    return Config(site=found, unit=unit), unit_faults + site_faults


def seal(content: bytes) -> bytes:
    """`content` with its seal as the last line, instead of an older one."""
    body = SEAL.sub(b"", content).rstrip(b"\n") + b"\n"
    return body + b"# crc32 %08x\n" % zlib.crc32(body)


def changed(content: bytes) -> bool:
    """Whether `content` is not what was sealed; never so without a seal."""
    found = SEAL.search(content)
    return found is not None and int(found[1], 16) != zlib.crc32(content[: found.start()])


def _keep(current: Path, good: Path) -> tuple[str, ...]:
    """Keeps a good site.toml as the one to fall back to. Every service does so as it starts, each as its own user and
    many at once: under a name of its own, so that none meets the half of another's."""
    new = good.with_name(f".{good.name}.{os.getpid()}.new")
    try:
        if not current.exists() or (good.exists() and good.read_bytes() == current.read_bytes()):
            return ()
        good.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(current.read_bytes())
        new.replace(good)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        return (f"{good}: cannot keep the last good copy of {current}: {error.strerror}",)
    return ()


def _read(kind: type[S], file: Path) -> tuple[S, tuple[str, ...]]:
    """One file as its struct; a file that is absent is all defaults and no fault."""
    try:
        content = file.read_bytes() if file.exists() else b""
        table = tomllib.loads(content.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return kind(), (f"{file}: cannot be read: {error}",)
    faults = [f"{file}: {CHANGED}"] if changed(content) else []
    section = parse(kind, table, str(file), faults)
    return section, tuple(faults)


def parse(kind: type[S], table: dict[str, Any], where: str, faults: list[str]) -> S:
    """A TOML table as `kind`; each wrong or unknown value adds a line to `faults` and keeps its default."""
    hints = get_type_hints(kind, include_extras=True)
    good: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            faults.append(f"{where}: {_word(key)} is not a setting; known here: {', '.join(sorted(hints))}")
        elif isinstance(hints[key], type) and issubclass(hints[key], Section) and isinstance(value, dict):
            good[key] = parse(hints[key], value, f"{where}: {key}", faults)
        else:
            _value(key, value, hints[key], where, faults, good)
    return kind(**good)


def _word(key: str) -> str:
    """A key as it can stand in one line."""
    return _short(key if key.isprintable() else repr(key))


def _short(text: str) -> str:
    """Enough of `text` to be found in the file."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}... ({len(text)} characters)"


def _value(key: str, value: Any, kind: Any, where: str, faults: list[str], good: dict[str, Any]) -> None:
    try:
        good[key] = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        faults.append(f"{where}: {key} = {_short(repr(value))} is refused: {_short(str(error))}")


def bounds(kind: Any) -> str:
    """The bound of a setting in words, for documentation: `int, >= 1, <= 65535`."""
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(bounds(each) for each in get_args(kind))
    marks = [each for each in getattr(kind, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    base = get_args(kind)[0] if marks else kind
    symbols = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "pattern": "matches", "max_length": "length <="}
    limits = [
        f"{text} {getattr(mark, name)}"
        for mark in marks
        for name, text in symbols.items()
        if getattr(mark, name) is not None
    ]
    return ", ".join([getattr(base, "__name__", str(base)), *limits])
