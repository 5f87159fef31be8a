"""A whole hub for a test: authority, the real broker, the real console, and units that speak MQTT over TLS."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import pytest

from hub import authority, broker

UNITS = ("hdu-0001", "hdu-0002")
SOON_S = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(true: Callable[[], bool], what: str) -> None:
    """Waits until `true()`; fails after SOON_S."""
    end = time.monotonic() + SOON_S
    while not true():
        assert time.monotonic() < end, f"not within {SOON_S} s: {what}"
        await asyncio.sleep(0.01)


def tls(folder: Path, name: str, authority_from: Path | None = None) -> ssl.SSLContext:
    """Mutual TLS as `name` with what is in `folder`."""
    made = ssl.create_default_context(cafile=str((authority_from or folder) / "ca.pem"))
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


@dataclass
class Broker:
    """The real mosquitto; `kill` is kill -9."""

    folder: Path
    site: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self, access: str = broker.ACCESS) -> None:
        command = broker.write(self.folder, "127.0.0.1", self.port, self.site / "broker")
        (self.folder / "acl").write_text(access)
        self.process = subprocess.Popen(command, stderr=(self.folder / "log").open("ab"))
        end = time.monotonic() + SOON_S
        while socket.socket().connect_ex(("127.0.0.1", self.port)):
            assert self.process.poll() is None and time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.01)

    def stop(self) -> None:
        """As systemd stops it: the store is saved."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(SOON_S)
        self.process = None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def connect(self, context: ssl.SSLContext, **more: Any) -> aiomqtt.Client:
        version = aiomqtt.ProtocolVersion.V5
        return aiomqtt.Client(
            "127.0.0.1", self.port, protocol=version, tls_context=context, timeout=5.0, keepalive=5, **more
        )

    def unit(self, name: str = UNITS[0], **more: Any) -> aiomqtt.Client:
        return self.connect(tls(self.site / "units" / name, "unit"), **more)

    def console(self) -> aiomqtt.Client:
        return self.connect(tls(self.site / "console", "console"))

    def stored(self, text: bytes) -> bool:
        """Whether the broker's store on disk holds `text`."""
        store = self.folder / "store" / "mosquitto.db"
        return store.exists() and text in store.read_bytes()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an authority with broker, console and UNITS."""
    folder = tmp_path_factory.mktemp("authority")
    authority.make(folder, ("127.0.0.1", "localhost"), UNITS)
    return folder


@pytest.fixture
def real_broker(tmp_path: Path, site: Path) -> Iterator[Broker]:
    if not shutil.which("mosquitto"):
        pytest.skip("mosquitto is not here; run inside bench/machine/enter")
    made = Broker(tmp_path / "broker", site, free_port())
    made.start()
    yield made
    made.kill()


@dataclass
class Console:
    """The real console over its Unix socket."""

    socket: Path
    http: aiohttp.ClientSession

    async def hub(self) -> Any:
        async with self.http.get("http://console/hub.json") as answer:
            return await answer.json()

    async def acknowledge(self, body: bytes | str, **headers: str) -> tuple[int, str]:
        return await self.post("acknowledge", body, **headers)

    async def post(self, what: str, body: bytes | str, **headers: str) -> tuple[int, str]:
        async with self.http.post(f"http://console/hub/{what}", data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def until(self, true: Callable[[Any], bool], what: str) -> Any:
        """/hub.json as soon as `true` of it; fails after SOON_S."""
        end = time.monotonic() + SOON_S
        while not true(document := await self.hub()):
            assert time.monotonic() < end, f"not within {SOON_S} s: {what}: {document}"
            await asyncio.sleep(0.01)
        return document


def _listens(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return where.exists() and probe.connect_ex(str(where)) == 0


@asynccontextmanager
async def running_console(folder: Path, at: Broker, *listen: str) -> AsyncIterator[Path]:
    """The console's process, up and listening."""
    where = folder / "console.sock"
    log = (folder / "console.log").open("ab")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hub.console", *(listen or ("--unix", str(where)))),
        *("--mqtt", f"127.0.0.1:{at.port}", "--tls", str(at.site / "console")),
        stderr=log,
    )
    try:
        if not listen:
            await until(lambda: _listens(where), f"{where} listens; {folder / 'console.log'}")
        yield where
    finally:
        process.kill()
        await process.wait()
        log.close()


@pytest.fixture
async def console(tmp_path: Path, real_broker: Broker) -> AsyncIterator[Console]:
    async with (
        running_console(tmp_path, real_broker) as where,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(where))) as http,
    ):
        made = Console(where, http)
        await made.until(lambda hub: hub["broker"]["state"] == "connected", "the console is on the broker")
        yield made
