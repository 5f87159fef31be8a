"""Label and card as PDF: what is on them, and that everything is on the page."""

import re
import zlib

import pytest

from firmware.buttons.lamps import FLASHES
from hdu.provision.answers import Answers
from hdu.provision.card import MUTE, PANIC, SAFE, card
from hdu.provision.identity import Provisioned
from hdu.provision.label import label

TOLD = Provisioned(
    "Riverside County Dispatch",
    "+1 555 000 9911",
    7,
    "2026-11-22T21:00:00+00:00",
    Answers("hdu-0042", "PNL-00317", "8944500102198304826", "+15550001234", "046d:0a8f"),
)
LONG = Provisioned(
    "A" * 60,
    "h" * 60,
    65_533,
    TOLD.at,
    Answers("h" * 32, "P" * 32, "89" + "0" * 18, "+" + "9" * 15, "0" * 9 + ":" + "s" * 64),
)


def drawn(pdf: bytes) -> str:
    """Everything the pages draw. A stream's last byte may be a carriage return of its own."""
    streams = re.findall(rb"stream\r?\n(.*?)\nendstream", pdf, re.DOTALL)
    return "\n".join(zlib.decompressobj().decompress(each).decode("latin-1") for each in streams)


def said(pdf: bytes) -> str:
    """The words on the pages."""
    return " ".join(re.findall(r"\(((?:[^()\\]|\\.)*)\) Tj", drawn(pdf)))


@pytest.mark.parametrize("make", [label, card])
def test_unit_agency_and_help_line_are_on_both(make: object) -> None:
    text = said(make(TOLD))  # type: ignore[operator]
    for words in (TOLD.agency, TOLD.helpline, "hdu-0042"):
        assert words in text


def test_the_label_tells_every_part_and_has_a_code() -> None:
    text, drawing = said(label(TOLD)), drawn(label(TOLD))
    for words in ("PNL-00317", "8944500102198304826", "+15550001234", "046d:0a8f", "2026-11-22"):
        assert words in text
    assert drawing.count(" re f") > 200  # the dark runs of the QR code


def test_the_card_tells_every_lamp_that_there_is() -> None:
    text = said(card(TOLD))
    for _, _, name, _ in (*SAFE, *MUTE, *PANIC):
        assert name in text
    assert {row[0] for row in (*SAFE, *MUTE, *PANIC)} == set(FLASHES)


@pytest.mark.parametrize(("make", "height_mm"), [(label, 50.0), (card, 210.0)])
@pytest.mark.parametrize("told", [TOLD, LONG], ids=["usual", "longest"])
def test_one_page_and_nothing_below_its_edge(make: object, height_mm: float, told: Provisioned) -> None:
    pdf = make(told)  # type: ignore[operator]
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    baselines = [float(y) for y in re.findall(r"BT [\d.]+ ([-\d.]+) Td", drawn(pdf))]
    assert baselines and min(baselines) > 3 and max(baselines) < height_mm * 72 / 25.4
