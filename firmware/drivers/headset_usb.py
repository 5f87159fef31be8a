"""Which sound card is our headset: USB identity from sysfs, never the card number.

`/sys/class/sound/cardN/device` is the USB interface; the folder above it is the device with idVendor, idProduct,
serial (Linux ABI, sysfs-bus-usb) and is named after its port (`1-1.4`): two alike without serials differ by that.
"""

from pathlib import Path

from firmware.config import HeadsetHardware
from firmware.facts import Fact


class Card(Fact, frozen=True):
    """A USB sound card as plugged in."""

    number: int
    vendor_id: str
    product_id: str
    serial: str
    usb_port: str
    name: str


NAME = "hdu_headset"  # what the softphone and our tones open: firmware.drivers.playback_path says what it is


class Devices(Fact, frozen=True):
    """ALSA names: what is played into, what is captured behind the gate and before it, and the mixers of both.

    `ear` lies below the limiters: only the playback path itself opens it. `gate` is empty where there is none, `card`
    None where the headset goes by ALSA's names.
    """

    ear: str
    mouth: str
    monitor: str
    mixer: str
    gate: str
    name: str
    card: int | None = None


def cards(sysfs_root: Path) -> list[Card]:
    """Every USB sound card, by number; one that goes away while it is read is left out."""
    folders = sorted((sysfs_root / "class/sound").glob("card[0-9]*"), key=lambda each: int(each.name[4:]))
    return [card for card in map(_card, folders) if card is not None]


def _card(folder: Path) -> Card | None:
    device = (folder / "device").resolve().parent
    vendor_id, product_id = _text(device / "idVendor"), _text(device / "idProduct")
    if not vendor_id or not product_id:
        return None
    return Card(
        number=int(folder.name[4:]),
        vendor_id=vendor_id,
        product_id=product_id,
        serial=_text(device / "serial"),
        usb_port=device.name,
        name=_text(device / "product") or f"{vendor_id}:{product_id}",
    )


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def choose(found: list[Card], want: HeadsetHardware) -> Card | None:
    """The one card that is ours; None where there is none, or two that the settings cannot tell apart.

    A setting that is empty fits any card; a serial or port that is set must fit.
    """
    wanted = (want.vendor_id, want.product_id, want.serial, want.usb_port)
    fit = [
        card
        for card in found
        if all(not wish or wish == has for wish, has in zip(wanted, _identity(card), strict=True))
    ]
    return fit[0] if len(fit) == 1 else None


def _identity(card: Card) -> tuple[str, str, str, str]:
    return card.vendor_id, card.product_id, card.serial, card.usb_port


def devices(want: HeadsetHardware) -> Devices | None:
    """The ALSA names of our headset as settings and sysfs say; None while it is not plugged in."""
    if want.alsa_device:
        own = want.alsa_device
        monitor = want.monitor_device or own
        return Devices(ear=own, mouth=own, monitor=monitor, mixer=own, gate=want.gate_device, name=own)
    card = choose(cards(Path(want.sysfs_root)), want)
    if card is None:
        return None
    shared = want.monitor_device or f"plug:'dsnoop:CARD={card.number}'"
    mixer = f"hw:{card.number}"
    return Devices(
        ear="hdu_mix",
        mouth=shared,
        monitor=shared,
        mixer=mixer,
        gate=want.gate_device,
        name=card.name,
        card=card.number,
    )
