"""The unit's services as systemd units: all there, each with its user and its bus name, and sandboxed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.failover import tunnels
from image import units
from image.places import IMAGE

ROOT = Path(__file__).parents[2]
OVERLAY = IMAGE / "root"
POLICY = (OVERLAY / "usr/share/dbus-1/system.d/org.homedispatch.conf").read_text()
SERVICES = {
    file.stem for file in (ROOT / "firmware").glob("*.py") if re.search(r"^    run\(", file.read_text(), re.MULTILINE)
}
OURS = units.units()
OTHERS = (
    "firewall.service",
    "ask.service",
    "settings.service",
    "floor.service",
    "report.service",
    "remote-help.service",
    "provision.service",
)
LIMIT = 2.5


def own(name: str) -> str:
    return OURS.get(f"hdu-{name}.service") or OURS[f"hdu-{name}@.service"]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_goes_without_docstrings_and_assertions(service: str) -> None:
    """As common.conf has it: nothing that it imports may need either."""
    assert "PYTHONOPTIMIZE=2" in own(service)
    environment = {**os.environ, "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", f"import firmware.{service}"], check=True, env=environment, cwd=ROOT)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_is_a_unit_that_says_ready_and_shows_life(service: str) -> None:
    text = own(service)
    assert re.search(rf"^ExecStart=/usr/bin/python3 -m firmware[. ]{service}$", text, re.MULTILINE)
    assert "\nType=notify\n" in text
    assert re.search(r"^WatchdogSec=[1-9]", text, re.MULTILINE)
    assert "\nRestart=always\n" in text


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_has_a_user_of_its_own(service: str) -> None:
    (user,) = re.findall(r"^User=(\S+)$", own(service), re.MULTILINE)
    assert user == f"hdu-{service}"
    assert re.search(rf"^u {user} \d+:900 ", (OVERLAY / "usr/lib/sysusers.d/hdu.conf").read_text(), re.MULTILINE)


def test_every_name_on_the_bus_is_one_user_s_to_take() -> None:
    files = [
        *(ROOT / "firmware").glob("*.py"),
        *(ROOT / "firmware/selftests").glob("*.py"),
        *(ROOT / "firmware/acceptance").glob("*.py"),
        *(ROOT / "firmware/release").glob("*.py"),
    ]
    names = {name for file in files for name in re.findall(r"bus\.Export\([a-z_.]+, \"(\w+)\"", file.read_text())}
    owners = re.findall(r'<allow own="org\.homedispatch\.(\w+)"/>', POLICY)
    assert names <= set(owners)
    assert len(owners) == len(set(owners))


def test_the_panel_is_a_pair() -> None:
    preset = (OVERLAY / "usr/lib/systemd/system-preset/00-hdu.preset").read_text().splitlines()
    assert preset.index("enable hdu-panel@.service a b") < preset.index("disable *")


def test_a_flattened_unit_says_first_what_is_common() -> None:
    text = units.flattened("[Service]\nPrivateNetwork=no\n", "# why\n[Unit]\nA=1\n[Service]\nPrivateNetwork=yes\n")
    assert text == "[Unit]\nA=1\n\n[Service]\nPrivateNetwork=yes\nPrivateNetwork=no\n"


def test_power_and_updates_alone_may_ask_for_an_end_of_the_unit() -> None:
    may = {name for name, text in OURS.items() if re.search(r"(?m)^SupplementaryGroups=.*\bhdu-ask\b", text)}
    assert may == {"hdu-power.service", "hdu-updates.service"}
    assert "d /run/hdu-ask 2770 root hdu-ask" in (OVERLAY / "usr/lib/tmpfiles.d/hdu.conf").read_text().splitlines()


def test_the_softphone_hears_the_hub_s_two_networks_and_nobody_else() -> None:
    (line,) = re.findall(r"(?m)^IPAddressAllow=(.*)$", OURS["hdu-calls.service"])
    assert line.split() == [
        "localhost",
        *(f"{each.network}/{tunnels.PREFIX}" for each in (tunnels.DATA, tunnels.VOICE)),
    ]
    assert "IPAddressDeny=any" in OURS["hdu-calls.service"].splitlines()
    assert "IPAddressDeny=" not in OURS["hdu-calls.service"].splitlines()


@pytest.fixture(scope="module")
def exposure(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """What systemd-analyze(1) makes of each, offline."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not among the unpacked packages")
    root = tmp_path_factory.mktemp("root")
    folder = root / "usr/lib/systemd/system"
    folder.mkdir(parents=True)
    (root / "etc").mkdir()
    for name, text in OURS.items():
        (folder / name).write_text(text)
    for name in OTHERS:
        shutil.copy(OVERLAY / "usr/lib/systemd/system" / name, folder)
    asked = [*(name.replace("@.", "@a.") for name in OURS), *OTHERS]
    command = ["systemd-analyze", "security", "--offline=yes", f"--root={root}", "--no-pager", *asked]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {unit: float(level) for unit, level in re.findall(r"exposure level for (\S+): ([0-9.]+)", said)}


def test_no_service_of_ours_is_exposed(exposure: dict[str, float]) -> None:
    print("\n" + "\n".join(f"{level:4.1f}  {unit}" for unit, level in sorted(exposure.items())))
    assert len(exposure) == len(OURS) + len(OTHERS)
    assert {unit: level for unit, level in exposure.items() if level >= LIMIT} == {}
