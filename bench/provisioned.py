"""The bench with a unit that was provisioned by `hdu provision`, and the hub of the agency that did it.

`python -m bench.provisioned FOLDER` writes what such a try needs: settings and the unit's parts on twins for the site
file, labels for the scanner, a stand-in image with who signed it (laid out as the unit's, nothing in it starts), and
an empty card. FOLDER/agency and FOLDER/identity are then what `hdu provision` makes; `--provisioned FOLDER` starts the
bench on them. The twins of a unit lie where the bench puts them: .run/PORT/unit of the port (default 8911).
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.hub import BenchHub
from bench.releasing import PORT
from bench.unit import NAME, TEMPLATES, BenchUnit
from firmware.failover.tunnels import ALL, DATA, VOICE
from hdu.provision import toml
from hw.cables.topology import HUB, OTHERS, Names
from image import boot, card
from image.flash.fat import FirstPartition
from image.slot import Slot

SIGNER = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=releases"
    " -keyout release-ca.key -out release-ca.pem -addext basicConstraints=critical,CA:TRUE",
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=release-signer"
    " -keyout signer.key -out signer.csr",
    "openssl x509 -req -in signer.csr -CA release-ca.pem -CAkey release-ca.key -days 30 -extfile signer.ext"
    " -out signer.pem",
)
CARD_BYTES, BOOT_BYTES, ROOT_BYTES = 2 << 30, 4 << 20, 12 << 20
LABELS = f"hdu:unit={NAME};panel=PNL-00317\n8944500102198304826\n+15550001234\n0b0e:0300\n"
OWN = {"": ("name", "probing_key", "certificates"), "softphone": ("listen_address",), "modem": ("sim",)}


class ProvisionedUnit(BenchUnit):
    """The unit in `identity`: nothing of its configuration is made here."""

    def __init__(self, folder: Path, names: Names, headset: Mapping[str, str], identity: Path) -> None:
        super().__init__(folder, names, headset)
        self.identity = identity.absolute()
        self.environment["HDU_CONFIG"] = str(self.identity / "current")
        self.environment["HDU_IDENTITY"] = str(self.identity)

    def configure(self, tls: Path, probing_key: str, trial_s: float = 300.0) -> None:  # noqa: ARG002
        """Its keys go where the bench's tunnels look for them; SystemExit for a blank unit."""
        keys = self.identity / "current" / "keys.json"
        if not keys.exists():
            raise SystemExit(f"bench: {self.identity}: this unit is blank; first: hdu provision begin, sign, finish")
        for part in ("config", "data", "run"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for interface, private in json.loads(keys.read_bytes())["tunnels"].items():
            place(self.folder, "unit", interface, private)


class ProvisionedHub(BenchHub):
    """The hub whose authority, probing key and tunnel keys are in the agency's folder."""

    def __init__(self, folder: Path, names: Names, agency: Path, unit: Path) -> None:
        super().__init__(folder, names)
        self.agency, self.unit = agency.absolute(), unit

    def certify(self, unit: str) -> Path:
        shutil.copytree(self.agency, self.folder / "tls", dirs_exist_ok=True)
        return super().certify(unit)

    def probing(self, unit: str) -> str:  # noqa: ARG002
        self.probing_key.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.agency / "probing.key", self.probing_key)
        for tunnel in ALL:
            file = self.agency / "tunnels" / f"{tunnel.interface}.key"
            place(self.unit, "hub", tunnel.interface, file.read_text())
        return ""


def place(unit: Path, end: str, interface: str, private: str) -> None:
    """One end's private key, where hw.cables.tunnels takes it."""
    file = unit / "tunnels" / "keys" / f"{end}-{interface}.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(private)


def tables(folder: Path) -> dict[str, dict[str, Any]]:
    """site.toml and unit.toml of the bench as a site file takes them; `folder` is where its twins will be."""
    values = {"folder": str(folder.absolute()), "hub_inner": DATA.hub(), "sip": VOICE.hub(), "hub": HUB}
    values |= {"updates_port": str(PORT), "trial_s": "300"}
    values |= {"others": ", ".join(f'"{other}"' for other in OTHERS)}
    found: dict[str, dict[str, Any]] = {}
    for name in ("site", "unit"):
        text = (TEMPLATES / f"{name}.toml").read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        found[name] = tomllib.loads(text)
    for section, keys in OWN.items():
        table = found["unit"][section] if section else found["unit"]
        for key in keys:
            table.pop(key, None)
    return found


def write(folder: Path, port: int) -> None:
    """What a try needs; CalledProcessError where openssl is missing or refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables(Path(".run") / str(port) / "unit").items():
        (folder / f"{name}.toml").write_text(toml.text(table))
    (folder / "labels").write_text(LABELS)
    (folder / "signer.ext").write_text("extendedKeyUsage=codeSigning\n")
    for command in SIGNER:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    stand_in(folder / "unit.img")
    with (folder / "card.img").open("wb") as card:
        card.truncate(CARD_BYTES)


def stand_in(image: Path) -> None:
    """Laid out as the unit's image, slot A with random data and slot B empty."""
    slot = Slot(image.with_suffix(".root"), image.with_suffix(".boot"), root_hash="")
    slot.root.write_bytes(os.urandom(ROOT_BYTES))
    slot.boot.write_bytes(os.urandom(BOOT_BYTES))
    card.written(image, Path(os.devnull), slot)
    FirstPartition(image).format(boot.SIZE)
    for file in (slot.root, slot.boot):
        file.unlink()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(os.environ.get("PORT", "8911")))
