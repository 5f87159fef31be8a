"""The unit's services as systemd units: `common.conf` is what holds for each, NAME.service what it needs beyond.

They are flattened when the image is made, so that on the unit each is one file that says all of it.
"""

from pathlib import Path

HERE = Path(__file__).parent
Sections = dict[str, list[str]]


def sections(text: str) -> Sections:
    """The lines of each section of a unit file, comments left out."""
    found: Sections = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            found.setdefault(name, []).append(line)
    return found


def flattened(own: str, common: str) -> str:
    """One unit: in every section first what is common, then its own, which wins or adds as systemd has it."""
    ours, theirs = sections(own), sections(common)
    names = dict.fromkeys([*theirs, *ours])
    return "\n".join("\n".join([f"[{name}]", *theirs.get(name, []), *ours.get(name, []), ""]) for name in names)


def units() -> dict[str, str]:
    """File name and content of every service of the unit."""
    common = (HERE / "common.conf").read_text()
    return {file.name: flattened(file.read_text(), common) for file in sorted(HERE.glob("*.service"))}
