"""The modem service as a real process on a real bus, with the twin below it."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from sdbus import SdBus

from firmware import bus, facts
from hw.modem.twin import ModemTwin

UNIT_TOML = """
[modem]
port = "{port}"
poll_s = 0.2
answer_s = 0.5
temperature = "simcom"
sim = "8944500102198304826"
sms_s = 4
sms_waiting = 3
sick_s = 0.6
unregistered_s = 0.6
settle_s = 0.5
resets_per_day = {resets}
power_cycle = ["sh", "-c", "echo 1 > {power}; sleep 0.1; echo 0 > {power}"]
[folders]
data = "{folder}/data"
run = "{folder}/run"
"""
OWN_SIM = "8944500102198304826"


class Others:
    """The calls and uplinks services as the modem service sees them."""

    def __init__(self, system_bus: SdBus, call: facts.Call, uplinks: facts.Uplinks) -> None:
        self.call = bus.Export(system_bus, "Calls", call)
        self.uplinks = bus.Export(system_bus, "Uplinks", uplinks)

    async def own(self) -> None:
        await self.call.own()
        await self.uplinks.own()


class Service:
    """The modem service's process, its twin, and what it announces."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.address, self.bus = folder, address, bus.connect()
        self.twin = ModemTwin(folder / "modem", answer_s=0.005, sms_s=0.05, boot_s=0.2)
        self.fact: facts.Modem | None = None
        self.changed = asyncio.Event()
        self.others = Others(self.bus, facts.Call(state="idle"), facts.Uplinks())

    async def start(self, resets: int = 12, port: str | None = None) -> None:
        await self.twin.start()
        await self.others.own()
        self.following = asyncio.create_task(self._follow())
        self.configure(resets, str(self.twin.link) if port is None else port)
        await self.run()

    def configure(self, resets: int, port: str) -> None:
        values = {"port": port, "power": self.twin.power, "folder": self.folder, "resets": resets}
        (self.folder / "unit.toml").write_text(UNIT_TOML.format(**values))

    async def run(self) -> None:
        self.started_at = time.monotonic()
        environment = {**os.environ, "HDU_CONFIG": str(self.folder), "DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "firmware", "modem", env=environment)

    async def _follow(self) -> None:
        async for fact in bus.follow(self.bus, "Modem", facts.Modem):
            self.fact = fact
            self.changed.set()

    async def until(self, holds: Callable[[facts.Modem], bool], within_s: float = 10.0) -> facts.Modem:
        """The fact once `holds` is true of it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not (self.fact and holds(self.fact)):
                    self.changed.clear()
                    await self.changed.wait()
        assert self.fact and holds(self.fact), f"after {within_s} s it is {self.fact}"
        return self.fact

    async def until_gone(self) -> None:
        async with asyncio.timeout(10):
            while self.fact:
                self.changed.clear()
                await self.changed.wait()

    async def send(self, to: str, text: str) -> object:
        return await bus.call(self.bus, "Modem", "SendSms", "ss", to, text)

    async def end(self) -> None:
        while not self.following.done():
            self.following.cancel()
            await asyncio.wait([self.following], timeout=0.1)
        self.process.terminate()
        async with asyncio.timeout(10):
            assert await self.process.wait() == 0
        await self.twin.close()
        self.bus.close()


@pytest_asyncio.fixture
async def service(tmp_path: Path, private_bus: str) -> AsyncIterator[Service]:
    service = Service(tmp_path, private_bus)
    yield service
    await service.end()


def registered(fact: facts.Modem) -> bool:
    return fact.registered is True


async def test_it_says_what_the_modem_says(service: Service) -> None:
    await service.start()
    fact = await service.until(registered)
    port = service.twin.state()["port"]
    assert fact == facts.Modem(
        registered=True,
        roaming=False,
        operator="Lab Mobile",
        signal_dbm=-71,
        rsrp_dbm=-99,
        sim="ready",
        iccid=OWN_SIM,
        iccid_expected=OWN_SIM,
        temperature_c=41.0,
        port=str(port),
    )


async def test_a_change_of_signal_and_registration_is_seen(service: Service) -> None:
    await service.start()
    await service.until(registered)
    await service.twin.command({"signal_dbm": -105})
    await service.until(lambda fact: fact.signal_dbm == -105)
    await service.twin.command({"registered": False})
    fact = await service.until(lambda fact: fact.registered is False)
    assert (fact.operator, fact.reason) == ("", "not registered (searching)")


async def test_a_silent_modem_is_unknown_within_the_bound_and_known_again_after(service: Service) -> None:
    await service.start(resets=0)
    await service.until(registered)
    await service.twin.command({"silent": True})
    fact = await service.until(lambda fact: fact.registered is None, within_s=0.2 + 0.5 + 1.5)
    assert (fact.signal_dbm, fact.operator, fact.sim) == (None, "", "")
    assert "no answer" in fact.reason
    await service.twin.command({"silent": False})
    await service.until(registered)


async def test_a_modem_pulled_out_is_unknown_at_once_and_found_under_its_new_name(service: Service) -> None:
    await service.start()
    was = (await service.until(registered)).port
    await service.twin.command({"unplug": True})
    fact = await service.until(lambda fact: fact.registered is None, within_s=2)
    assert fact.port == ""
    await service.twin.command({"unplug": False})
    assert (await service.until(registered, within_s=5)).port not in ("", was)


@pytest.mark.parametrize(("sim", "words"), [("SIM PIN", "SIM needs its PIN"), ("absent", "SIM absent")])
async def test_a_sim_that_is_not_ready_is_said_in_words(service: Service, sim: str, words: str) -> None:
    await service.start()
    await service.twin.command({"sim": sim})
    assert (await service.until(lambda fact: fact.registered is False)).reason == words


async def test_a_message_goes_out_once_however_often_it_is_asked_for(service: Service) -> None:
    await service.start()
    await service.until(registered)
    answers = [await service.send("+15550100", "PANIC") for _ in range(2)]
    answers += await asyncio.gather(*(service.send("+15550101", "PANIC") for _ in range(2)))
    assert answers == ["sent"] * 4
    assert [(each["to"], each["text"]) for each in service.twin.sms_sent] == [
        ("+15550100", "PANIC"),
        ("+15550101", "PANIC"),
    ]


async def test_a_message_is_refused_in_words(service: Service) -> None:
    await service.start()
    await service.until(registered)
    with pytest.raises(bus.BusError, match="is not a number"):
        await service.send("911", "PANIC")
    await service.twin.command({"sms_error": 8})
    with pytest.raises(bus.BusError, match=r"barred by the operator \(\+CMS ERROR 8\); it was not sent"):
        await service.send("+15550100", "PANIC")


async def test_no_more_messages_wait_than_may(service: Service) -> None:
    await service.start()
    await service.until(registered)
    service.twin.sms_s = 0.5
    calls = [asyncio.create_task(service.send(f"+1555010{each}", "PANIC")) for each in range(5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [str(each) for each in answers if isinstance(each, bus.BusError)]
    assert len(refused) == 2 and all("3 messages wait already" in each for each in refused)
    assert len(service.twin.sms_sent) == 3


async def test_a_message_outlives_a_port_that_goes_while_it_is_sent(service: Service) -> None:
    await service.start()
    await service.until(registered)
    await service.twin.command({"vanish_on": "AT+CMGS"})
    assert await service.send("+15550100", "PANIC") == "sent"
    assert len(service.twin.sms_sent) == 1


@pytest.mark.parametrize("cure", ["airplane", "reset", "power"])
async def test_the_ladder_goes_as_far_as_it_takes(service: Service, cure: str) -> None:
    await service.start()
    await service.until(registered)
    await service.twin.command({"registered": False, "cured_by": cure})
    await service.until(lambda fact: fact.registered is False)
    await service.until(registered, within_s=15)
    resets = [each for each in service.twin.typed if each == "AT+CFUN=1,1"]
    assert bool(resets) == (cure != "airplane")


async def test_a_silent_modem_is_brought_back_by_the_power_of_its_port(service: Service) -> None:
    await service.start()
    await service.until(registered)
    await service.twin.command({"silent": True, "cured_by": "power"})
    await service.until(lambda fact: fact.registered is None)
    await service.until(registered, within_s=15)


async def test_no_reset_over_the_budget_and_none_forgotten_by_a_killed_service(service: Service) -> None:
    await service.start(resets=1)
    await service.until(registered)
    assert await bus.call(service.bus, "Modem", "Reset") == "reset"
    service.process.kill()
    await service.process.wait()
    await service.until_gone()
    await service.run()
    await service.until(registered)
    with pytest.raises(bus.BusError, match="1 resets in a day are spent"):
        await bus.call(service.bus, "Modem", "Reset")


async def test_no_reset_while_the_modem_carries_a_call_alone(service: Service) -> None:
    lte, wired = facts.Uplink(name="lte", kind="lte", state="up"), facts.Uplink(name="wired", kind="ethernet")
    service.others.call.set(facts.Call(state="active"))
    service.others.uplinks.set(facts.Uplinks(uplinks=(wired, lte)))
    await service.start()
    await service.until(registered)
    with pytest.raises(bus.BusError, match="the only uplink of a call"):
        await bus.call(service.bus, "Modem", "Reset")
    service.others.call.set(facts.Call(state="idle"))
    async with asyncio.timeout(5):
        while True:
            with suppress(bus.BusError):
                assert await bus.call(service.bus, "Modem", "Reset") == "reset"
                break


async def test_without_a_modem_it_says_so(service: Service) -> None:
    await service.start(port="")
    fact = await service.until(lambda fact: "no modem is configured" in fact.reason)
    assert fact.registered is None
    with pytest.raises(bus.BusError, match="no modem is configured"):
        await service.send("+15550100", "PANIC")


async def test_it_is_quick_and_small(service: Service) -> None:
    """The first answer within a second of the start (three on a busy machine), and at most 25 MB: `-s` prints both."""
    await service.start()
    await service.until(registered)
    first_s = time.monotonic() - service.started_at
    rollup = Path(f"/proc/{service.process.pid}/smaps_rollup").read_text().splitlines()
    pss_kb = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    print(f"first answer {first_s:.2f} s after the start, proportional set size {pss_kb / 1024:.1f} MB")
    assert first_s < 3 and pss_kb < 25 * 1024


async def test_another_sim_than_the_units_own_is_told(service: Service) -> None:
    await service.start()
    fact = await service.until(registered)
    assert (fact.iccid, fact.iccid_expected) == (OWN_SIM, OWN_SIM)
    await service.twin.command({"iccid": "8944500102198304834"})
    fact = await service.until(lambda fact: fact.iccid == "8944500102198304834")
    assert fact.iccid_expected == OWN_SIM
