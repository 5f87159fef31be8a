"""Makes the site file from the agency's folder and its settings; what it makes it reads back first."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from hdu.provision import site_file, toml
from hdu.provision.site_file import Lte, SiteFileRefused
from hub.agency import Agency

NO_LTE = Lte()


def make(
    authority: Path, agency: str, helpline: str, hub: str, settings: Path | None, unit: Path | None, lte: Lte = NO_LTE
) -> bytes:
    """The file; SiteFileRefused with every fault. Units also probe the hub's address, unless the settings say where."""
    of = Agency(authority)
    site = _table(settings)
    site["failover"] = {"probe_host": hub} | site.get("failover", {})
    table = {
        "agency": agency,
        "helpline": helpline,
        "hub": hub,
        "authority": (of.folder / "ca.pem").read_text(),
        "tunnels": of.tunnels(),
        "lte": msgspec.to_builtins(lte),
        "site": site,
        "unit": _table(unit),
    }
    made = toml.text(table).encode()
    site_file.read(made, "site file")
    return made


def _table(file: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text()) if file else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteFileRefused(f"{file}: cannot be read: {error}; correct it") from error
