"""A unit and its hub for the tests of services that talk: the real broker, and the unit's files on this disk."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from firmware import bus
from hub import authority
from tests.firmware.service_scene import BOUND_S
from tests.hub.conftest import Broker, free_port

UNIT = "hdu-0001"
CONFIG = """[hub]
host = "127.0.0.1"
mqtt_port = {port}
connect_timeout_s = 2.0
reconnect_first_s = 0.05
reconnect_max_s = 0.2
[status]
settle_ms = 1
[alerts]
retry_first_s = 0.05
retry_max_s = 0.2
reserve_bytes = 65536
acknowledged_lamp_s = 1.0
{alerts}
"""
HARDWARE = """name = "{unit}"
[folders]
data = "{folder}/data"
run = "{folder}/run"
[certificates]
authority = "{tls}/ca.pem"
certificate = "{tls}/unit.pem"
key = "{tls}/unit.key"
"""


@pytest.fixture(scope="session")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an authority with broker, console and UNIT."""
    folder = tmp_path_factory.mktemp("agency")
    authority.make(folder, ("127.0.0.1",), (UNIT,))
    return folder


@pytest.fixture
def broker(tmp_path: Path, agency: Path) -> Iterator[Broker]:
    if not shutil.which("mosquitto"):
        pytest.skip("mosquitto is not here; run inside bench/machine/enter")
    made = Broker(tmp_path / "broker", agency, free_port())
    made.start()
    yield made
    made.kill()


def configure(folder: Path, broker: Broker, alerts: str = "") -> None:
    """Writes site.toml and unit.toml of a unit in `folder` whose hub is `broker`."""
    (folder / "site.toml").write_text(CONFIG.format(port=broker.port, alerts=alerts))
    tls = broker.site / "units" / UNIT
    (folder / "unit.toml").write_text(HARDWARE.format(unit=UNIT, folder=folder, tls=tls))


class Console:
    """What a supervisors' console hears: `held` is what the hub retains, `messages` all that came, by topic."""

    def __init__(self) -> None:
        self.client: aiomqtt.Client | None = None
        self.messages: list[tuple[str, bytes]] = []

    async def listen(self, broker: Broker) -> None:
        """For ever, over restarts of the broker."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with broker.console() as self.client:
                    await self.client.subscribe(f"hdu/v1/{UNIT}/#", qos=1)
                    async for message in self.client.messages:
                        assert isinstance(message.payload, bytes)
                        topic = str(message.topic).removeprefix(f"hdu/v1/{UNIT}/")
                        self.messages.append((topic, message.payload))
            self.client = None
            await asyncio.sleep(0.02)

    async def say(self, topic: str, payload: bytes | str) -> None:
        """Retained, as the console's answers are."""
        end = time.monotonic() + BOUND_S
        while self.client is None:
            assert time.monotonic() < end, "the console is not on the broker"
            await asyncio.sleep(0.01)
        await self.client.publish(f"hdu/v1/{UNIT}/{topic}", payload, qos=1, retain=True)

    @property
    def held(self) -> dict[str, bytes]:
        return {topic: payload for topic, payload in dict(self.messages).items() if payload}

    def heard(self, topic: str) -> list[bytes]:
        return [payload for of, payload in self.messages if of == topic]


@pytest.fixture
async def console(broker: Broker) -> AsyncIterator[Console]:
    made = Console()
    task = asyncio.create_task(made.listen(broker))
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def system_bus(private_bus: str) -> AsyncIterator[Any]:
    """A connection of the test's own to its private bus."""
    del private_bus
    made = bus.connect()
    yield made
    made.close()


class Followed:
    """The fact of a service as the rest of the unit sees it: the last one, and every one."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    @property
    def now(self) -> Any:
        return self.all[-1] if self.all else None


@pytest.fixture
async def follow(system_bus: Any) -> AsyncIterator[Callable[[str, type], Followed]]:
    """`follow("Alerts", facts.Alerts)` follows that service until the test ends."""
    tasks: list[asyncio.Task[None]] = []

    def start(name: str, kind: type) -> Followed:
        made = Followed()

        async def hear() -> None:
            async for fact in bus.follow(system_bus, name, kind):
                made.all.append(fact)

        tasks.append(asyncio.create_task(hear()))
        return made

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
