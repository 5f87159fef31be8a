"""The headset's own button: events as the kernel gives them, and which of the input devices it is."""

import os
from pathlib import Path

import pytest

from firmware.config import HeadsetHardware
from firmware.drivers import headset_button
from firmware.drivers.capture_switch import HeadsetGone
from firmware.drivers.headset_button import EV_KEY, EV_SYN, KEY_MICMUTE, Button, event, has_button, path, presses
from tests.firmware.drivers.test_headset_usb import plug

DOWN, UP, HELD = (event(EV_KEY, KEY_MICMUTE, value) for value in (1, 0, 2))
END, VOLUME = event(EV_SYN, 0, 0), event(EV_KEY, 115, 1)
MICMUTE = "100000000000000 0 0 0"  # bit 248 of a bitmap in words of 64


@pytest.mark.parametrize(
    ("data", "count"),
    [(DOWN + END + UP + END, 1), (DOWN + HELD + HELD + UP, 1), (VOLUME + END, 0), (DOWN + UP + DOWN + UP, 2), (b"", 0)],
)
def test_a_press_is_the_key_going_down(data: bytes, count: int) -> None:
    assert presses(data) == count
    assert presses(data + DOWN[:10]) == count


def test_an_event_is_as_long_as_the_kernel_makes_it() -> None:
    """linux/input.h on a 64-bit machine: two longs, two shorts and an int."""
    assert (headset_button.EVENT.size, DOWN[16:]) == (24, b"\x01\x00\xf8\x00\x01\x00\x00\x00")


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [(MICMUTE, True), ("ff00000000000000 0 0 0", True), ("1000000000000 0 0", False), ("0", False), ("", False)],
)
def test_a_device_says_which_keys_it_has(capabilities: str, found: bool) -> None:
    assert has_button(capabilities) is found


def give_input(root: Path, port: str, number: int, keys: str) -> None:
    """An input device of the USB device at `port`, as in sysfs."""
    folder = root / "devices/usb1" / port / f"{port}:1.3/0003:0B0E:2E00.0001/input/input9" / f"event{number}"
    folder.mkdir(parents=True)
    (folder / "device").symlink_to("..")
    (folder / "device/capabilities").mkdir(exist_ok=True)
    (folder / "device/capabilities/key").write_text(keys + "\n")
    (root / "class/input").mkdir(parents=True, exist_ok=True)
    (root / f"class/input/event{number}").symlink_to(folder)


def wanted(root: Path, **more: str) -> HeadsetHardware:
    return HeadsetHardware(vendor_id="0b0e", product_id="2e00", sysfs_root=str(root), **more)  # type: ignore[arg-type]


def test_the_button_is_that_of_our_card_and_no_other(tmp_path: Path) -> None:
    plug(tmp_path, 1, "1-1.3", serial="A1")
    plug(tmp_path, 2, "1-1.4", serial="B2")
    give_input(tmp_path, "1-1.3", 5, MICMUTE)
    give_input(tmp_path, "1-1.4", 6, MICMUTE)
    assert path(wanted(tmp_path, serial="B2")) == Path("/dev/input/event6")
    assert path(wanted(tmp_path)) is None


def test_a_headset_without_the_key_has_no_button(tmp_path: Path) -> None:
    plug(tmp_path, 1, "1-1.3")
    give_input(tmp_path, "1-1.3", 5, "c000000000000 0")
    assert path(wanted(tmp_path)) is None


def test_a_named_device_is_taken_while_it_is_there(tmp_path: Path) -> None:
    device = tmp_path / "button"
    want = wanted(tmp_path, button_device=str(device))
    assert path(want) is None
    device.touch()
    assert path(want) == device


def test_a_button_that_goes_says_so(tmp_path: Path) -> None:
    with pytest.raises(HeadsetGone, match="cannot be opened"):
        Button(tmp_path / "none")
    inner, outer = os.openpty()
    button = Button(Path(os.ttyname(outer)))
    assert button.read() == 0
    os.close(outer)
    os.close(inner)
    with pytest.raises(HeadsetGone, match="its button"):
        button.read()
    button.close()
