"""RAUC over D-Bus (`de.pengutronix.rauc.Installer`): what is in the slots, installing a bundle, marking a slot.

RAUC verifies a bundle's signature and compatible string itself before it touches a slot, and boots the other slot next.
"""

import asyncio
import contextlib
from functools import cache
from typing import Any

import msgspec
from sdbus import SdBus, SdBusBaseError, sd_bus_open_system
from sdbus.sd_bus_internals import SdBusMessage

OWNER, PATH, INTERFACE = "de.pengutronix.rauc", "/", "de.pengutronix.rauc.Installer"
CALL_S, IDLE_LOOK_S = 60.0, 0.2
LONGEST_WORDS = 300


class RaucError(Exception):
    """RAUC is away or refuses; the message is its own, in one line."""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One slot that can be booted: `name` is the boot loader's (`A`), `version` what was installed (None: unknown)."""

    name: str
    booted: bool = False
    version: str | None = None
    good: bool | None = None


def slots(status: list[tuple[str, dict[str, tuple[str, Any]]]]) -> tuple[Slot, ...]:
    """What GetSlotStatus answers, without the slots that have no name of the boot loader's. Pure."""
    plain = [{key: value for key, (_, value) in each.items()} for _, each in status]
    return tuple(
        Slot(
            name=str(each["bootname"]),
            booted=each.get("state") == "booted",
            version=each.get("bundle.version"),
            good={"good": True, "bad": False}.get(str(each.get("boot-status"))),
        )
        for each in plain
        if each.get("bootname")
    )


@cache
def connect() -> "Rauc":
    """RAUC on the system bus: one connection of its own for the whole process; its answers may wait for a slow link.

    A second one would take over the first one's descriptor in the event loop when that is collected.
    """
    try:
        bus = sd_bus_open_system()
    except SdBusBaseError as error:
        raise RaucError(f"rauc: cannot reach the system bus ({error}); is dbus-daemon running?") from error
    bus.method_call_timeout_usec = int(CALL_S * 1e6)
    return Rauc(bus)


class Rauc:
    """The installer on `bus`."""

    def __init__(self, bus: SdBus) -> None:
        self.bus = bus

    async def slots(self) -> tuple[Slot, ...]:
        return slots(await self._call("GetSlotStatus"))

    async def info(self, bundle: str) -> tuple[str, str]:
        """Compatible string and version of a bundle that is rightly signed; RaucError for any other."""
        try:
            found: tuple[str, str] = await self._call("Info", "s", bundle)
        except RaucError as error:
            name = bundle.rpartition("/")[2]
            raise RaucError(
                f"rauc: {name} is no whole bundle that this unit trusts ({error}); see its journal"
            ) from error
        return found

    async def mark(self, state: str, slot: str = "booted") -> None:
        """`good`, `bad` or `active`; the slot `booted`, `other` or a name."""
        await self._call("Mark", "ss", state, slot)

    async def install(self, bundle: str, version: str) -> None:
        """Returns when the bundle, which must be of that version, is in the other slot, which is booted next."""
        _, found = await self.info(bundle)
        if found != version:
            raise RaucError(
                f"rauc: {bundle} is version {found[:40] or 'unknown'}, its roll-out says {version}; publish it anew"
            )
        done: asyncio.Queue[int] = asyncio.Queue()
        slot = await self.bus.match_signal_async(
            OWNER, PATH, INTERFACE, "Completed", lambda message: done.put_nowait(_result(message))
        )
        try:
            await self._call("InstallBundle", "sa{sv}", bundle, {})
            if await self._completed(done):
                raise RaucError(f"rauc: {await self._last_error()}")
        finally:
            slot.close()

    async def _completed(self, done: "asyncio.Queue[int]") -> int:
        """The result; RaucError where RAUC dies meanwhile, which sends no signal."""
        while True:
            try:
                async with asyncio.timeout(CALL_S):
                    return await done.get()
            except TimeoutError:
                if await self._property("Operation") == "idle" and done.empty():
                    raise RaucError("rauc: it was started again in the midst of an install") from None

    async def idle(self) -> None:
        """Returns when it installs nothing; while it is started again it is not on the bus, and that is no end."""
        while True:
            with contextlib.suppress(RaucError):
                if await self._property("Operation") == "idle":
                    return
            await asyncio.sleep(IDLE_LOOK_S)

    async def _last_error(self) -> str:
        return " ".join(str(await self._property("LastError")).split()) or "no reason given"

    async def _property(self, name: str) -> Any:
        return (await self._ask("org.freedesktop.DBus.Properties", "Get", "ss", INTERFACE, name))[1]

    async def _call(self, method: str, signature: str = "", *args: Any) -> Any:
        return await self._ask(INTERFACE, method, signature, *args)

    async def _ask(self, interface: str, method: str, signature: str, *args: Any) -> Any:
        message = self.bus.new_method_call_message(OWNER, PATH, interface, method)
        if args:
            message.append_data(signature, *args)
        try:
            async with asyncio.timeout(CALL_S):
                return (await self.bus.call_async(message)).get_contents()
        except (SdBusBaseError, TimeoutError, OSError) as error:
            raise RaucError(f"rauc: {method}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """What was said, in one line; sdbus puts the error's own name before it."""
    said = error.args[-1] if error.args else ""
    return " ".join(str(said).split())[:LONGEST_WORDS] or type(error).__name__


def _result(message: SdBusMessage) -> int:
    found: tuple[int, ...] = message.parse_to_tuple()
    return found[0]
