"""Which card is the headset: against sysfs trees made here as the kernel makes them."""

from pathlib import Path

import pytest

from firmware.config import HeadsetHardware
from firmware.drivers.headset_usb import cards, choose, devices


def plug(root: Path, number: int, port: str, serial: str = "", product_id: str = "2e00") -> None:
    """A USB sound card as in sysfs: class/sound/cardN/device leads to the interface below the device."""
    device = root / "devices/usb1" / port
    interface = device / f"{port}:1.0"
    card = interface / "sound" / f"card{number}"
    card.mkdir(parents=True)
    (card / "device").symlink_to(interface)
    (root / "class/sound").mkdir(parents=True, exist_ok=True)
    (root / f"class/sound/card{number}").symlink_to(card)
    words = {"idVendor": "0b0e", "idProduct": product_id, "product": "Headset", "serial": serial}
    for name, text in words.items():
        if text:
            (device / name).write_text(text + "\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An onboard card without identity, a headset, and a loudspeaker of another make."""
    onboard = tmp_path / "devices/platform/soc/sound/card0"
    onboard.mkdir(parents=True)
    (onboard / "device").symlink_to(onboard.parent.parent)
    (tmp_path / "class/sound").mkdir(parents=True)
    (tmp_path / "class/sound/card0").symlink_to(onboard)
    (tmp_path / "class/sound/controlC0").symlink_to(onboard)
    plug(tmp_path, 1, "1-1.3", product_id="0420")
    plug(tmp_path, 4, "1-1.4", serial="A1")
    return tmp_path


def wanted(root: Path, **settings: str) -> HeadsetHardware:
    return HeadsetHardware(vendor_id="0b0e", product_id="2e00", sysfs_root=str(root), **settings)  # type: ignore[arg-type]


def test_the_headset_is_found_by_identity(root: Path) -> None:
    found = devices(wanted(root))
    assert found
    assert (found.mixer, found.name, found.gate) == ("hw:4", "Headset", "")
    assert (found.ear, found.card, found.mouth) == ("hdu_mix", 4, "plug:'dsnoop:CARD=4'")


def test_a_card_that_is_not_usb_has_no_identity(root: Path) -> None:
    assert [card.number for card in cards(root)] == [1, 4]


def test_of_two_alike_neither_is_taken_by_chance(root: Path) -> None:
    plug(root, 2, "1-1.2", serial="B2")
    assert devices(wanted(root)) is None


@pytest.mark.parametrize(("settings", "number"), [({"serial": "B2"}, 2), ({"usb_port": "1-1.4"}, 4)])
def test_of_two_alike_the_serial_or_the_port_tells(root: Path, settings: dict[str, str], number: int) -> None:
    plug(root, 2, "1-1.2", serial="B2")
    chosen = choose(cards(root), wanted(root, **settings))
    assert chosen
    assert chosen.number == number


def test_a_serial_that_is_not_there_is_not_replaced_by_a_lookalike(root: Path) -> None:
    assert devices(wanted(root, serial="B2")) is None


def test_an_alsa_name_needs_no_identity(tmp_path: Path) -> None:
    found = devices(HeadsetHardware(alsa_device="headset", gate_device="gate", sysfs_root=str(tmp_path)))
    assert found
    assert {found.ear, found.mouth, found.monitor, found.mixer} == {"headset"}
    assert found.gate == "gate"
