"""The libgpiod pin factory on a controller of pipes: no machine without GPIO has the real one."""

import os
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero import DigitalOutputDevice, InputDevice

from firmware.drivers.gpio_libgpiod import GpioError, LibgpiodFactory, find
from hw.panel.factory import MODEL_4B


class Line:
    """A requested line: its settings, its level, and edges that come through a pipe as from the kernel."""

    def __init__(self, settings: gpiod.LineSettings) -> None:
        self.fd, self._in = os.pipe()
        self.settings, self.level, self.pending = settings, Value.ACTIVE, list[Any]()
        if settings.direction is Direction.OUTPUT:
            self.level = settings.output_value

    def move(self, level: Value, at_ns: int) -> None:
        self.level = level
        if self.settings.edge_detection is Edge.BOTH:
            kind = gpiod.EdgeEvent.Type.RISING_EDGE if level is Value.ACTIVE else gpiod.EdgeEvent.Type.FALLING_EDGE
            self.pending.append(SimpleNamespace(event_type=kind, timestamp_ns=at_ns))
            os.write(self._in, b"e")

    def read_edge_events(self) -> list[Any]:
        os.read(self.fd, 1)
        events, self.pending = self.pending, []
        return events

    def reconfigure_lines(self, config: dict[int, gpiod.LineSettings]) -> None:
        (self.settings,) = config.values()

    def get_value(self, _offset: int) -> Value:
        return self.level

    def set_value(self, _offset: int, value: Value) -> None:
        self.level = value

    def release(self) -> None:
        os.close(self.fd)
        os.close(self._in)


class Chip:
    """A controller whose lines are named, or are not."""

    path = "/dev/gpiochip9"

    def __init__(self, label: str, names: dict[str, int]) -> None:
        self.label, self.names, self.lines = label, names, dict[int, Line]()

    def line_offset_from_id(self, name: str) -> int:
        if name not in self.names:
            raise OSError(f"no line {name}")
        return self.names[name]

    def get_info(self) -> Any:
        return SimpleNamespace(label=self.label)

    def request_lines(self, config: dict[int, gpiod.LineSettings], consumer: str) -> Line:
        assert consumer == "hdu-panel"
        ((offset, settings),) = config.items()
        if offset in self.lines:
            raise OSError(16, "Device or resource busy")
        self.lines[offset] = Line(settings)
        return self.lines[offset]

    def close(self) -> None:
        self.lines.clear()


@pytest.fixture
def chip() -> Chip:
    return Chip("pinctrl-bcm2711", {"GPIO17": 17})


@pytest.fixture
def factory(chip: Chip) -> Iterator[LibgpiodFactory]:
    made = LibgpiodFactory(lambda: [chip], lambda: MODEL_4B)  # type: ignore[list-item]
    yield made
    made.close()


def test_lines_are_found_by_name_then_by_number_on_the_soc(chip: Chip) -> None:
    other: Any = Chip("expander", {"GPIO17": 3})
    soc: Any = chip
    assert find(17, [other, soc]) == (other, 3)
    assert find(22, [other, soc]) == (soc, 22)
    with pytest.raises(GpioError, match="GPIO22"):
        find(22, [other])


def test_edges_come_with_the_kernels_time_and_state_is_read_anew(chip: Chip, factory: LibgpiodFactory) -> None:
    contact = InputDevice(17, pull_up=True, pin_factory=factory)
    seen: list[tuple[float, float]] = []
    arrived = threading.Event()

    def changed(ticks: float, high: float) -> None:
        seen.append((ticks, high))
        arrived.set()

    contact.pin.edges = "both"
    contact.pin.when_changed = changed
    line = chip.lines[17]
    assert (line.settings.bias, line.settings.edge_detection) == (Bias.PULL_UP, Edge.BOTH)
    line.move(Value.INACTIVE, 1_500_000_000)
    assert arrived.wait(5)
    assert seen == [(1.5, False)]
    line.level = Value.ACTIVE  # an edge that was lost
    assert contact.is_active is False
    contact.pin.bounce = 0.005
    assert chip.lines[17].settings.debounce_period.total_seconds() == 0.005


def test_outputs_and_refusals(chip: Chip, factory: LibgpiodFactory) -> None:
    lamp = DigitalOutputDevice(5, pin_factory=factory)
    lamp.on()
    assert chip.lines[5].level is Value.ACTIVE
    chip.lines[6] = Line(gpiod.LineSettings())
    with pytest.raises(GpioError, match="GPIO6 is refused by /dev/gpiochip9"):
        DigitalOutputDevice(6, pin_factory=factory)
