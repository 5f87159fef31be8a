"""What the Pi's boot loader is told, from the loader's own binary."""

import pytest

from image import boot
from image.places import BuildError

DEFAULTS = {
    "bootcmd": "bootflow scan",
    "bootdelay": "2",
    "preboot": "pci enum; usb start;",
    "boot_targets": "mmc usb pxe dhcp",
    "stdin": "serial,usbkbd",
    "stdout": "serial,vidconsole",
    "loadaddr": "0x1000000",
    "arch": "arm",
    "usb_ignorelist": "0x1050:*,",
}
TEXT = b"".join(f"{name}={value}\0".encode() for name, value in DEFAULTS.items())
LOADER = b"\x7fcode\0list options\n\0" + TEXT + b"\0\0more code"


def test_no_key_is_heard_and_only_the_card_is_looked_at() -> None:
    found = boot.settings(LOADER)
    assert (found["bootdelay"], found["boot_targets"], found["stdin"]) == ("-2", "mmc", "nulldev")
    assert found["bootcmd"] == "bootflow scan; sleep 60; reset"
    assert "preboot" not in found
    same = ("stdout", "loadaddr", "arch", "usb_ignorelist")
    assert {name: found[name] for name in same} == {name: DEFAULTS[name] for name in same}


def test_what_is_written_reads_back_as_u_boot_reads_it() -> None:
    assert boot.parsed(boot.environment(boot.settings(LOADER))) == boot.settings(LOADER)


@pytest.mark.parametrize("loader", [b"", b"bootcmd=x\0", LOADER.replace(b"bootcmd", b"bootfoo")])
def test_another_loader_is_refused_in_words(loader: bytes) -> None:
    with pytest.raises(BuildError, match="no default environment"):
        boot.settings(loader)
