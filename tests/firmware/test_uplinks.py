"""The service as a process: on a private bus, with a real responder, over the loopback interface."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from firmware import bus, facts
from firmware.failover import probing
from firmware.failover.record import Decision

SITE_KEY = bytes(range(32))
BOUND_S = 20.0


@contextmanager
def service(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The uplinks service with `lo` as its one uplink; no NetworkManager is there."""
    (folder / "data").mkdir()
    (folder / "probe.key").write_text(probing.unit_key(SITE_KEY, probing.identity("hdu-0001")).hex())
    (folder / "site.toml").write_text(f'[hub]\nhost = "127.0.0.1"\nprobe_port = {port}\n')
    (folder / "unit.toml").write_text(
        f'probing_key = "{folder}/probe.key"\nvoice_copies = "nft"\n[folders]\ndata = "{folder}/data"\n'
        '[[uplinks]]\nname = "wired"\nkind = "ethernet"\ninterface = "lo"\n'
    )
    environment = {**os.environ, "HDU_CONFIG": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "firmware", "uplinks"], env=environment, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(BOUND_S)


@contextmanager
def responder(folder: Path, port: int = 0) -> Iterator[int]:
    """A responder on loopback; yields its port."""
    (folder / "site.key").write_text(SITE_KEY.hex())
    argv = [sys.executable, "-m", "hub.responder", "--key", str(folder / "site.key"), "--bind", "127.0.0.1"]
    with subprocess.Popen([*argv, "--port", str(port)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield int(process.stdout.readline().rsplit(":", 1)[1])
        process.terminate()


async def until(true: Callable[[facts.Uplinks], bool]) -> facts.Uplinks:
    """What the service says, once it is so; TimeoutError where that never comes."""
    async with asyncio.timeout(BOUND_S):
        async for said in bus.follow(bus.connect(), "Uplinks", facts.Uplinks):
            if said is not None and true(said):
                return said
    raise AssertionError("the bus ended")


def state(said: facts.Uplinks) -> str:
    return said.uplinks[0].state if said.uplinks else ""


async def test_it_finds_the_hub_loses_it_and_finds_it_again(tmp_path: Path, private_bus: str) -> None:
    assert private_bus
    with ExitStack() as first:
        port = first.enter_context(responder(tmp_path))
        with service(tmp_path, port):
            said = await until(lambda said: state(said) == "up")
            assert said.uplinks[0].active
            assert said.uplinks[0].rtt_ms is not None
            decision = msgspec.json.decode(said.last_decision, type=Decision)
            assert (decision.why, decision.to, decision.uplinks[0].grade) == ("boot", "wired", "up")
            first.close()
            assert (await until(lambda said: state(said) == "down")).uplinks[0].reason == "silent"
            with responder(tmp_path, port):
                await until(lambda said: state(said) == "up")


def test_without_its_key_it_says_what_to_do(tmp_path: Path, private_bus: str) -> None:
    (tmp_path / "unit.toml").write_text(f'probing_key = "{tmp_path}/none"\n')
    environment = {**os.environ, "HDU_CONFIG": str(tmp_path), "DBUS_SYSTEM_BUS_ADDRESS": private_bus}
    argv = [sys.executable, "-m", "firmware", "uplinks"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=BOUND_S, check=False)
    assert done.returncode != 0
    assert "provision the unit" in done.stderr
