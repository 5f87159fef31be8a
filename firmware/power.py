"""Power: mains, battery, minutes left, and how the unit stops when they end. Bus name org.homedispatch.Power."""

import asyncio
import time
from pathlib import Path

from firmware import bus, facts
from firmware.drivers.power_supply import PowerSupply, PowerSupplyError
from firmware.mains import Mains, debounce, source
from firmware.service import Unit, run


async def read_forever(unit: Unit, export: bus.Export[facts.Power]) -> None:
    hardware, policy = unit.config.unit.power, unit.config.site.power
    supply, mains = PowerSupply(Path(hardware.power_supply_root)), Mains()
    while True:
        now = time.monotonic()
        try:
            said = supply.read(now)
        except PowerSupplyError as error:
            said = facts.PowerReading(source="power_supply", fault=str(error))
        mains = debounce(mains, said.mains, now, policy.flicker_ms / 1000)
        export.set(
            facts.Power(
                source=source(mains.told),
                percent=said.percent if said.percent is not None and 0 <= said.percent <= 100 else None,
                state={True: "normal", False: "on-battery", None: None}[mains.told],
                voltage_v=None if said.voltage_v is None else round(said.voltage_v, 2),
                current_a=None if said.current_a is None else round(said.current_a, 2),
                believed=said.source,
                flickers=mains.flickers,
                faults=(said.fault,) if said.fault else (),
            )
        )
        await asyncio.sleep(hardware.poll_s)


async def body(unit: Unit) -> None:
    export = bus.Export(unit.bus, "Power", facts.Power())
    await export.own()
    unit.group.create_task(read_forever(unit, export))
    unit.ready()


if __name__ == "__main__":
    run(body)
