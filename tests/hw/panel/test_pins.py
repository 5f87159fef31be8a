"""The pin map is the one source: configuration, drawing and header agree with it."""

from xml.etree import ElementTree

from gpiozero.pins.pi import PiBoardInfo

from firmware.config import PanelHardware
from hw.panel import drawing
from hw.panel.factory import MODEL_4B
from hw.panel.pins import CONTACTS, LAMPS, pins


def test_configuration_defaults_are_the_pin_map() -> None:
    wired = pins().wired()
    settings = {name.removesuffix("_gpio"): getattr(PanelHardware(), name) for name in PanelHardware.__struct_fields__}
    assert {name: settings[name] for name in wired} == {name: row.gpio for name, row in wired.items()}
    assert (tuple(pins().contact), tuple(pins().lamp)) == (CONTACTS, LAMPS)


def test_each_gpio_is_where_the_header_has_it_and_used_once() -> None:
    header = PiBoardInfo.from_revision(MODEL_4B).headers["J8"].pins
    rows = pins().wired().values()
    assert all(header[row.pin].name == f"GPIO{row.gpio}" for row in rows)
    assert header[pins().ground.pin].name == "GND"
    assert len({row.pin for row in rows} | {pins().ground.pin}) == len(rows) + 1


def test_the_drawing_is_the_one_made_from_the_pin_map() -> None:
    assert drawing.FILE.read_text() == drawing.drawing(pins()), "run: python -m hw.panel.drawing"


def test_the_drawing_names_every_wire() -> None:
    text = " ".join(ElementTree.fromstring(drawing.drawing(pins())).itertext())
    for row in pins().wired().values():
        assert f"GPIO {row.gpio}" in text
        assert f"pin {row.pin}" in text
        assert row.wire in text
