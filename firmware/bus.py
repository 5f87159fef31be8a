"""A service's place on the system D-Bus: its fact as properties, its methods, and the facts of the others.

Name `org.homedispatch.NAME`, object `/org/homedispatch/NAME`, interface `org.homedispatch.NAME1`.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from sdbus import SdBus, SdBusBaseError, sd_bus_open_system, set_default_bus
from sdbus.sd_bus_internals import (
    DbusPropertyEmitsChangeFlag,
    DbusUnprivilegedFlag,
    SdBusInterface,
    SdBusMessage,
)

from firmware import wire

F = TypeVar("F", bound=msgspec.Struct)
PREFIX = "org.homedispatch."
DBUS = "org.freedesktop.DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
FAILED = "org.homedispatch.Error.Failed"
CALL_TIMEOUT_S = 5.0
POLICY_DECIDES = (
    DbusUnprivilegedFlag  # without it sd-bus itself refuses every caller but root and the service's own user
)
log = logging.getLogger("bus")


class BusError(Exception):
    """The bus, or the service asked for, did not answer as it should; the caller tries again or gives up."""


class Method(NamedTuple):
    """One D-Bus method: names and signatures as `busctl introspect` shows them, and who handles it."""

    name: str
    takes: str
    takes_names: tuple[str, ...]
    returns: str
    handler: Callable[..., Awaitable[Any]]


def connect() -> SdBus:
    """The system bus (DBUS_SYSTEM_BUS_ADDRESS where it is set), made the default of this process."""
    try:
        bus = sd_bus_open_system()
    except SdBusBaseError as error:
        raise BusError(f"bus: cannot reach the system bus ({error}); is dbus-daemon running?") from error
    bus.method_call_timeout_usec = int(CALL_TIMEOUT_S * 1e6)
    set_default_bus(bus)
    return bus


def path(name: str) -> str:
    return "/" + (PREFIX + name).replace(".", "/")


def interface(name: str) -> str:
    return f"{PREFIX}{name}1"


async def call(bus: SdBus, name: str, method: str, signature: str = "", *args: Any) -> Any:
    """Calls `method` of the service `name`; BusError when it is away or refuses."""
    return await call_any(bus, PREFIX + name, path(name), interface(name), method, signature, *args)


async def call_any(bus: SdBus, owner: str, at: str, of: str, method: str, signature: str = "", *args: Any) -> Any:
    """Calls a method of any D-Bus service; BusError when it is away, refuses, or takes over CALL_TIMEOUT_S."""
    message = bus.new_method_call_message(owner, at, of, method)
    if args:
        message.append_data(signature, *args)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):  # wait_for may swallow a cancellation before Python 3.12
            reply = await bus.call_async(message)
    except (SdBusBaseError, TimeoutError, OSError) as error:
        raise BusError(f"bus: {owner} {method} failed: {type(error).__name__} {error}") from error
    return reply.get_contents()


async def ping(bus: SdBus) -> None:
    """BusError when the bus itself is dead: its signals would then stop in silence."""
    await call_any(bus, DBUS, "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")


class Export(Generic[F]):
    """One fact on the bus. `set` announces only what changed; `value` is what was announced last."""

    def __init__(self, bus: SdBus, name: str, first: F, methods: Sequence[Method] = ()) -> None:
        self.bus, self.name, self.value = bus, name, first
        self._tasks: set[asyncio.Task[None]] = set()
        self._interface = SdBusInterface()
        for field, signature in wire.signatures(type(first)).items():
            reader = self._reader(wire.member(field), signature)
            self._interface.add_property(wire.member(field), signature, reader, None, DbusPropertyEmitsChangeFlag)
        for each in methods:
            names = ("result",) if each.returns else ()
            self._interface.add_method(
                each.name, each.takes, each.takes_names, each.returns, names, POLICY_DECIDES, self._receiver(each)
            )
        bus.add_interface(self._interface, path(name), interface(name))

    async def own(self) -> None:
        """Takes the name; BusError where another process has it."""
        try:
            await self.bus.request_name_async(PREFIX + self.name, 0)
        except SdBusBaseError as error:
            raise BusError(f"bus: cannot own {PREFIX}{self.name}: {error}; is it already running?") from error

    def set(self, fact: F) -> None:
        """Announces what differs from the last fact; a fact that equals it costs nothing."""
        if fact == self.value:
            return
        changed, self.value = wire.changed(self.value, fact), fact
        if not changed:
            return
        message = self.bus.new_signal_message(path(self.name), PROPERTIES, "PropertiesChanged")
        message.append_data("sa{sv}as", interface(self.name), changed, [])
        message.send()

    def _reader(self, member: str, signature: str) -> Callable[[SdBusMessage], None]:
        return lambda message: message.append_data(signature, wire.properties(self.value)[member][1])

    def _receiver(self, method: Method) -> Callable[[SdBusMessage], None]:
        def receive(message: SdBusMessage) -> None:
            task = asyncio.get_running_loop().create_task(self._answer(method, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return receive

    async def _answer(self, method: Method, message: SdBusMessage) -> None:
        try:
            result = await method.handler(*message.parse_to_tuple())
            reply = message.create_reply()
            if method.returns:
                reply.append_data(method.returns, result)
        except Exception as error:
            log.warning("%s refused: %s: %s", method.name, type(error).__name__, error)
            reply = message.create_error_reply(FAILED, f"{type(error).__name__}: {error}")
        reply.send()


async def now(bus: SdBus, name: str, kind: type[F]) -> F | None:
    """The fact of the service `name` as it is now; None as `follow` has it."""
    async with aclosing(follow(bus, name, kind)) as found:
        return await anext(found)


async def follow(bus: SdBus, name: str, kind: type[F]) -> AsyncGenerator[F | None, None]:
    """The fact of the service `name` now and at each change; None: nobody owns the name, or what it says is refused."""
    changes: asyncio.Queue[dict[str, tuple[str, Any]] | None] = asyncio.Queue()

    def changed(message: SdBusMessage) -> None:
        of, values, _ = message.parse_to_tuple()
        if of == interface(name):
            changes.put_nowait(values)

    def owned(message: SdBusMessage) -> None:
        if message.parse_to_tuple()[0] == PREFIX + name:
            changes.put_nowait(None)

    slots = [
        await bus.match_signal_async(PREFIX + name, path(name), PROPERTIES, "PropertiesChanged", changed),
        await bus.match_signal_async(DBUS, "/org/freedesktop/DBus", DBUS, "NameOwnerChanged", owned),
    ]
    try:
        known = await _all(bus, name)
        while True:
            yield None if known is None else _fact(name, kind, known)
            values = await changes.get()
            known = await _all(bus, name) if values is None or known is None else {**known, **values}
    finally:
        for slot in slots:
            slot.close()


def _fact(name: str, kind: type[F], values: dict[str, tuple[str, Any]]) -> F | None:
    """What does not fit is refused, and the service unknown: two releases may differ, and memory may fail."""
    try:
        return wire.fact(kind, values)
    except msgspec.ValidationError as error:
        log.error("what %s says is refused: %s", name, error)
        return None


async def _all(bus: SdBus, name: str) -> dict[str, tuple[str, Any]] | None:
    try:
        found: dict[str, tuple[str, Any]] = await call_any(
            bus, PREFIX + name, path(name), PROPERTIES, "GetAll", "s", interface(name)
        )
    except BusError:
        return None
    return found
