"""A gpiozero pin factory over libgpiod 2 (character device uAPI v2): `hdu_libgpiod`.

Lines are found by the name the kernel gives them (GPIO17), else by number on the SoC's own controller. Edges carry the
kernel's time (CLOCK_MONOTONIC) and come in one thread; `pin.bounce` is the kernel's debounce; `pin.state` is read anew.
"""

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import gpiod
from gpiod.line import Bias, Direction, Edge, Value
from gpiozero.exc import GPIOZeroError, PinFixedPull, PinInvalidFunction, PinInvalidPull, PinSetInput
from gpiozero.pins.local import get_pi_revision
from gpiozero.pins.pi import PiFactory, PiPin

CONSUMER = "hdu-panel"
SOC_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
BIAS = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
EDGES = {"both": Edge.BOTH, "rising": Edge.RISING, "falling": Edge.FALLING, "none": Edge.NONE}


class GpioError(GPIOZeroError, OSError):  # type: ignore[misc]
    """The line cannot be had from the kernel; the message says which and why."""


def find(number: int, chips: Iterable[gpiod.Chip]) -> tuple[gpiod.Chip, int]:
    """The chip and offset of the line named GPIOnumber, else of that offset on the SoC's own controller."""
    all_chips = list(chips)
    for chip in all_chips:
        with contextlib.suppress(OSError):
            return chip, chip.line_offset_from_id(f"GPIO{number}")
    for chip in all_chips:
        if chip.get_info().label in SOC_LABELS:
            return chip, number
    raise GpioError(
        f"gpio: no line GPIO{number} on {len(all_chips)} controllers; is /dev/gpiochip* there and readable?"
    )


class LibgpiodPin(PiPin):  # type: ignore[misc]
    """One line, requested when its function is first set and released when closed."""

    def __init__(self, factory: "LibgpiodFactory", info: Any) -> None:
        super().__init__(factory, info)
        self._chip, self._offset = find(self._number, factory.chips)
        self._lock = threading.RLock()
        self._request: gpiod.LineRequest | None = None
        self._function, self._pull, self._edges = "input", "floating", "none"
        self._bounce: float | None = None
        self._lit = False

    def settings(self) -> gpiod.LineSettings:
        """What the kernel is asked for."""
        if self._function == "output":
            value = Value.ACTIVE if self._lit else Value.INACTIVE
            return gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value)
        return gpiod.LineSettings(
            direction=Direction.INPUT,
            bias=BIAS[self._pull],
            edge_detection=EDGES[self._edges] if self._when_changed is not None else Edge.NONE,
            debounce_period=timedelta(seconds=self._bounce or 0),
        )

    def close(self) -> None:
        with self._lock:
            self._when_changed = None
            if self._request:
                self._factory.watch(self, None)
                self._request.release()
                self._request = None

    def events(self) -> list[gpiod.EdgeEvent]:
        """What has come since; in the factory's thread."""
        with self._lock:
            return self._request.read_edge_events() if self._request else []

    def tell(self, event: gpiod.EdgeEvent) -> None:
        with self._when_changed_lock:
            if self._when_changed is not None:
                rising = event.event_type is gpiod.EdgeEvent.Type.RISING_EDGE
                self._call_when_changed(event.timestamp_ns / 1e9, rising)

    def _apply(self) -> None:
        with self._lock:
            if self._request:
                self._request.reconfigure_lines({self._offset: self.settings()})
                return
            try:
                self._request = self._chip.request_lines({self._offset: self.settings()}, consumer=CONSUMER)
            except OSError as error:
                raise GpioError(f"gpio: {self!r} is refused by {self._chip.path}: {error.strerror}") from error
            self._factory.watch(self, self._request.fd)

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f"gpio: {self!r} can be input or output, not {value}")
        self._function = value
        self._apply()

    def _get_state(self) -> bool:
        with self._lock:
            if self._request is None:
                self._apply()
            assert self._request is not None
            return bool(self._request.get_value(self._offset) is Value.ACTIVE)

    def _set_state(self, value: float) -> None:
        if self._function != "output":
            raise PinSetInput(f"gpio: {self!r} is an input; make it an output first")
        with self._lock:
            self._lit = bool(value)
            assert self._request is not None
            self._request.set_value(self._offset, Value.ACTIVE if self._lit else Value.INACTIVE)

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        if self._function != "input":
            raise PinFixedPull(f"gpio: {self!r} is an output and has no pull")
        if value not in BIAS:
            raise PinInvalidPull(f"gpio: pull of {self!r} can be {', '.join(BIAS)}, not {value}")
        self._pull = value
        self._apply()

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        self._bounce = value
        self._apply()

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value
        self._apply()

    def _enable_event_detect(self) -> None:
        self._apply()

    def _disable_event_detect(self) -> None:
        self._apply()


class LibgpiodFactory(PiFactory):  # type: ignore[misc]
    """Pins of this Raspberry Pi; one thread waits for the edges of all of them."""

    def __init__(
        self, open_chips: Callable[[], list[gpiod.Chip]] | None = None, revision: Callable[[], int] = get_pi_revision
    ) -> None:
        super().__init__()
        self.pin_class = LibgpiodPin
        self._revision = revision
        self.chips = (open_chips or every_chip)()
        self._watched: dict[int, LibgpiodPin] = {}
        self._poll = select.epoll()
        self._wake_out, self._wake_in = os.pipe()
        self._poll.register(self._wake_out, select.EPOLLIN)
        self._thread = threading.Thread(target=self._edges, name="gpio", daemon=True)
        self._thread.start()

    def _get_revision(self) -> int:
        return self._revision()

    def ticks(self) -> float:
        return time.monotonic()

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier

    def watch(self, pin: LibgpiodPin, handle: int | None) -> None:
        """Edges of `pin` are waited for at `handle`; None: no longer."""
        for old in [each for each, known in self._watched.items() if known is pin]:
            self._poll.unregister(old)
            del self._watched[old]
        if handle is not None:
            self._watched[handle] = pin
            self._poll.register(handle, select.EPOLLIN)

    def close(self) -> None:
        super().close()
        if self._thread.is_alive():
            os.write(self._wake_in, b"\0")
            self._thread.join()
            for chip in self.chips:
                chip.close()
            self._poll.close()
            os.close(self._wake_in)
            os.close(self._wake_out)

    def _edges(self) -> None:
        while True:
            for handle, _ in self._poll.poll():
                if handle == self._wake_out:
                    return
                if pin := self._watched.get(handle):
                    for event in pin.events():
                        pin.tell(event)


def every_chip() -> list[gpiod.Chip]:
    return [gpiod.Chip(str(path)) for path in sorted(Path("/dev").glob("gpiochip*")) if not path.is_symlink()]
