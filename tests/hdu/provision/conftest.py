"""An agency, its site file, and a unit's answers."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from hdu.provision.answers import Answers, checked, collect
from hdu.provision.making_site import make
from hdu.provision.site_file import Lte
from hdu.provision.store import Store
from hub.agency import Agency

LABELS = """hdu:unit=hdu-0042;panel=PNL-00317
8944500102198304826
+15550001234
046d:0a8f:A1B2
"""
UNIT = """
[panel]
mute_button = "push-to-mute"
[[uplinks]]
name = "wired"
kind = "ethernet"
interface = "eth0"
[[uplinks]]
name = "lte"
kind = "lte"
interface = "wwan0"
"""
LTE = Lte(apn="agency.example", user="web")
SETTINGS = '[alerts]\nsms_numbers = ["+15550001111"]\n[calls]\ntransfer_target = "desk \\"4\\""\n'


@dataclass(frozen=True)
class Site:
    """The agency's folder, its site file, and a unit that answers."""

    agency: Agency
    data: bytes
    answers: Answers
    folder: Path

    def store(self, name: str = "unit") -> Store:
        return Store(self.folder / name)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "unit.toml").write_text(UNIT)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    files = (tmp_path / "settings.toml", tmp_path / "unit.toml")
    data = make(tmp_path / "agency", "Riverside", "+1 555 000 9911", "203.0.113.7", *files, LTE)
    found, faults = collect(LABELS.splitlines())
    assert not faults
    return Site(Agency(tmp_path / "agency"), data, checked(found, True), tmp_path)
