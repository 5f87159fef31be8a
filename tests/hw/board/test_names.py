"""What the board calls its lines and cables is what the image knows them by."""

import re

from firmware.config import UnitFile
from hw.board.cables import UPLINKS, address, network
from hw.board.lines import GPIOS
from image.places import IMAGE

LINKS = IMAGE / "root/usr/lib/systemd/network"


def test_the_boot_script_names_the_lines_in_the_order_in_which_they_are_soldered() -> None:
    named = re.search(r"gpio-line-names (.*)", (IMAGE / "boot/boot.cmd").read_text())
    assert named
    assert tuple(named[1].split()) == tuple(f"GPIO{gpio}" for gpio in GPIOS)


def test_each_cable_has_a_name_of_its_own_and_the_first_is_the_one_of_a_blank_unit() -> None:
    found = {}
    for file in LINKS.glob("*qemu*.link"):
        text = file.read_text()
        found[re.findall("^MACAddress=(.*)", text, re.M)[0]] = re.findall("^Name=(.*)", text, re.M)[0]
    assert [found[address(uplink)] for uplink in UPLINKS] == ["eth0", "eth1", "wwan0"]
    by_default = {each.name: each.interface for each in UnitFile().uplinks}
    assert {name: found[address(name)] for name in by_default} == by_default


def test_each_cable_leads_to_a_network_of_its_own() -> None:
    words = " ".join(network(UPLINKS, [(8443, 443)]))
    assert len(set(re.findall(r"net=([0-9.]+)", words))) == len(UPLINKS)
    assert len(set(re.findall(r"mac=([0-9a-f:]+)", words))) == len(UPLINKS)
    assert words.count("hostfwd=tcp:127.0.0.1:8443-:443") == 1
