"""A gpiozero pin factory whose pins are the panel's twin (see twin.py for the wire)."""

import contextlib
import json
import os
import socket
import threading
import time
from typing import Any

from gpiozero.exc import GPIOZeroError, PinInvalidFunction, PinSetInput
from gpiozero.pins.pi import PiFactory, PiPin

MODEL_4B = 0xB03115
CONNECT_S = 10.0
ANSWER_S = 0.5
AGAIN_S = 0.05


class TwinGone(GPIOZeroError, ConnectionError):  # type: ignore[misc]
    """No panel at the other end of the socket."""


class TwinPin(PiPin):  # type: ignore[misc]
    """A line of the header: a contact to ground with a pull-up, or a lamp."""

    def __init__(self, factory: "TwinFactory", info: Any) -> None:
        super().__init__(factory, info)
        self._function, self._pull, self._lit = "input", info.pull or "floating", False
        self._edges, self._bounce = "both", None

    def close(self) -> None:
        self.when_changed = None
        self._function = "input"

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f"twin: {self!r} can be input or output, not {value}")
        self._function = value

    def _get_state(self) -> bool:
        if self._function == "output":
            return self._lit
        return self._factory.closed(self._number) != (self._pull == "up")  # type: ignore[no-any-return]

    def _set_state(self, value: float) -> None:
        if self._function != "output":
            raise PinSetInput(f"twin: {self!r} is an input; make it an output first")
        self._lit = bool(value)
        self._factory.send({"gpio": self._number, "lit": self._lit})

    def _get_pull(self) -> str:
        return str(self._pull)

    def _set_pull(self, value: str) -> None:
        self._pull = value

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        """Taken and left out, as by a controller without debounce: contacts bounce through."""

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        self._edges = value

    def _enable_event_detect(self) -> None:
        """Edges always come; `edge` looks whether anybody wants them."""

    def _disable_event_detect(self) -> None:
        """See `_enable_event_detect`."""

    def edge(self, closed: bool, ticks: float) -> None:
        if self._when_changed is not None and self._edges != "none":
            self._call_when_changed(ticks, closed != (self._pull == "up"))


class TwinFactory(PiFactory):  # type: ignore[misc]
    """Pins of the twin at HDU_PANEL_TWIN. Edges come in its own thread; when the bench restarts it connects again."""

    def __init__(self) -> None:
        super().__init__()
        self.pin_class = TwinPin
        self.path = os.environ.get("HDU_PANEL_TWIN", "")
        self._levels: dict[int, bool] = {}
        self._answered = threading.Condition()
        self._asked = self._answer = 0
        self._stop = threading.Event()
        self._connection, rest = self._connect()
        threading.Thread(target=self._follow, args=(rest,), name="twin", daemon=True).start()

    def _get_revision(self) -> int:
        return MODEL_4B

    def ticks(self) -> float:
        return time.monotonic()

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier

    def close(self) -> None:
        super().close()
        self._stop.set()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def send(self, message: dict[str, object]) -> bool:
        """False while the twin is away: outputs are told anew when it is back."""
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def closed(self, number: int) -> bool:
        """The contact as it is now, asked of the twin; as last known where it does not answer in ANSWER_S."""
        if threading.current_thread().name != "twin":
            with self._answered:
                self._asked += 1
                asked = self._asked
                if self.send({"read": asked}):
                    self._answered.wait_for(lambda: self._answer >= asked, ANSWER_S)
        return self._levels.get(number, False)

    def _connect(self) -> tuple[socket.socket, bytes]:
        """Connected, and the first levels known."""
        end = time.monotonic() + CONNECT_S
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.path)
                return connection, self._first(connection)
            except OSError as error:
                connection.close()
                if time.monotonic() > end:
                    raise TwinGone(
                        f"twin: no panel at {self.path!r} ({error}); start the bench, set HDU_PANEL_TWIN"
                    ) from error
            time.sleep(AGAIN_S)

    def _first(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\n" not in data:
            got = connection.recv(4096)
            if not got:
                raise ConnectionResetError("closed before it said anything")
            data += got
        line, _, rest = data.partition(b"\n")
        self._receive(json.loads(line))
        return rest

    def _follow(self, rest: bytes) -> None:
        while not self._stop.is_set():
            self._read_lines(rest)
            if self._stop.is_set():
                return
            with contextlib.suppress(TwinGone):
                self._connection, rest = self._connect()
                self._tell_outputs()

    def _read_lines(self, data: bytes) -> None:
        """Until the connection ends."""
        while True:
            *lines, data = data.split(b"\n")
            for line in lines:
                self._receive(json.loads(line))
            try:
                got = self._connection.recv(4096)
            except OSError:
                got = b""
            if not got:
                return
            data += got

    def _tell_outputs(self) -> None:
        for pin in list(self.pins.values()):
            if pin.function == "output":
                self.send({"gpio": pin._number, "lit": pin._lit})

    def _receive(self, message: dict[str, Any]) -> None:
        if "gpio" in message:
            self._levels[int(message["gpio"])] = bool(message["closed"])
            self._edge(int(message["gpio"]), bool(message["closed"]), float(message["at"]))
            return
        with self._answered:
            self._levels.update({int(number): bool(closed) for number, closed in message["levels"].items()})
            self._answer = max(self._answer, int(message["read"]))
            self._answered.notify_all()

    def _edge(self, number: int, closed: bool, ticks: float) -> None:
        for pin in list(self.pins.values()):
            if pin._number == number:
                pin.edge(closed, ticks)
