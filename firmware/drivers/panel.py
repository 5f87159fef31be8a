"""The panel's lines through gpiozero: contacts that close to ground, lamps, over the pin factory named in unit.toml."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from gpiozero import Device, DigitalOutputDevice, InputDevice

from firmware.config import PanelHardware
from firmware.facts import Button

Edge = Callable[[Button, int, bool, float], None]
"""Button, place of the contact (0: normally open, 1: normally closed), closed, when (seconds of `time.monotonic`)."""


class PanelError(Exception):
    """The panel's lines cannot be had; the message says which factory and why."""


@cache
def factory(name: str) -> Any:
    """The class of the pin factory of that name, loaded but not opened: a standby has it ready."""
    for each in entry_points(group="gpiozero_pin_factories", name=name):
        return each.load()
    raise PanelError(f"panel: no pin factory {name} is installed; see panel.pin_factory in unit.toml")


def opened(name: str) -> Any:
    """The pin factory of that name, opened."""
    try:
        return factory(name)()
    except PanelError:
        raise
    except Exception as error:
        raise PanelError(f"panel: pin factory {name} does not open: {error}; see panel.pin_factory") from error


class Contact:
    """One contact; edges go to `edge` from the factory's thread."""

    def __init__(self, button: Button, place: int, gpio: int, edge: Edge, clock: Callable[[], float]) -> None:
        self.button, self.place, self.edge, self.clock = button, place, edge, clock
        self.device = InputDevice(gpio, pull_up=True)
        self.device.pin.edges = "both"
        self.device.pin.when_changed = self._changed

    def closed(self) -> bool:
        """Read anew."""
        return bool(self.device.is_active)

    def _changed(self, ticks: float, high: float) -> None:
        """`ticks` are the controller's: an edge that is handed over late still says when it was."""
        factory = self.device.pin_factory
        self.edge(self.button, self.place, not high, self.clock() - factory.ticks_diff(factory.ticks(), ticks))


class PanelLines:
    """Every line of the panel, by the name of its setting without `_gpio`."""

    def __init__(self, hardware: PanelHardware, edge: Edge, clock: Callable[[], float]) -> None:
        Device.pin_factory = opened(hardware.pin_factory)
        lamps = ("panic_lamp", "mute_lamp", "safe_green", "safe_red")
        self.lamps = {name: DigitalOutputDevice(getattr(hardware, f"{name}_gpio")) for name in lamps}
        wired: tuple[tuple[Button, int, int], ...] = (
            ("panic", 0, hardware.panic_no_gpio),
            ("panic", 1, hardware.panic_nc_gpio),
            ("mute", 0, hardware.mute_gpio),
            ("assist", 0, hardware.assist_gpio),
        )
        self.contacts = [Contact(button, place, gpio, edge, clock) for button, place, gpio in wired]

    def closed(self) -> list[tuple[Button, int, bool]]:
        """Every contact, read anew; takes as long as the controller takes to answer."""
        return [(each.button, each.place, each.closed()) for each in self.contacts]

    def light(self, lamp: str, lit: bool) -> None:
        if bool(self.lamps[lamp].value) != lit:
            self.lamps[lamp].value = lit

    def close(self) -> None:
        """Lamps dark, lines released."""
        if Device.pin_factory is not None:
            Device.pin_factory.close()
