"""A driver that is there without what it needs is told when the image is built."""

import lzma
from pathlib import Path

import pytest

from image import drivers
from image.places import BuildError


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A headset's driver that needs two, of which one is built in and one needs another."""
    (tmp_path / "modules.builtin").write_text("kernel/drivers/usb/core/usbcore.ko\n")
    put(tmp_path, "sound/usb/snd-usb-audio", "usbcore,mc")
    put(tmp_path, "drivers/media/mc/mc", "snd-pcm")
    put(tmp_path, "sound/core/snd-pcm", "")
    return tmp_path


def put(folder: Path, path: str, needs: str) -> Path:
    file = folder / f"kernel/{path}.ko.xz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(lzma.compress(b"\x7fELF\0license=GPL\0depends=" + needs.encode() + b"\0name=x\0"))
    return file


def test_what_is_whole_passes(modules: Path) -> None:
    drivers.check(modules, ["snd_usb_audio", "usbcore"])


@pytest.mark.parametrize("gone", ["sound/usb/snd-usb-audio", "drivers/media/mc/mc", "sound/core/snd-pcm"])
def test_what_is_left_out_is_told_and_for_whom(modules: Path, gone: str) -> None:
    (modules / f"kernel/{gone}.ko.xz").unlink()
    name = Path(gone).name.replace("-", "_")
    with pytest.raises(BuildError, match=f"snd-usb-audio needs the module {name}"):
        drivers.check(modules, ["snd-usb-audio"])


def test_two_that_need_each_other_come_to_an_end(modules: Path) -> None:
    put(modules, "sound/core/snd-pcm", "mc")
    drivers.check(modules, ["snd-usb-audio"])
