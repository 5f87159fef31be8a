"""The battery's warning, both ends real: the power service's action, the bus, the headset service, and the ear."""

import asyncio
import shutil
from pathlib import Path

import pytest

from firmware import bus
from firmware.config import Config, Folders, UnitFile
from firmware.service import Unit
from firmware.spool import Spool
from firmware.supply.actions import Actions
from tests.headset_scene import Ear, eventually, headset

needs_server = pytest.mark.skipif(not shutil.which("pulseaudio"), reason="needs pulseaudio; run in bench/machine/enter")


@needs_server
async def test_the_warning_is_spooled_and_heard_in_the_headset(tmp_path: Path, private_bus: str) -> None:
    async with headset(tmp_path / "unit") as scene, asyncio.TaskGroup() as group:
        config = Config(unit=UnitFile(folders=Folders(data=str(tmp_path / "data"), run=str(tmp_path / "run"))))
        ear = Ear(scene.twin, "ear.monitor")
        listener = group.create_task(ear.listen())
        await eventually(lambda: len(ear.heard) > 20)
        assert not any(level for _, level in ear.heard)
        await Actions(Unit(config, group, bus.connect()), lambda _: None).warn()
        await eventually(lambda: any(level > 0.003 for _, level in ear.heard))
        listener.cancel()
    spool = Spool(tmp_path / "data" / "spool", config.site.alerts.reserve_bytes)
    assert [entry.alert.kind for entry in spool.entries()] == ["power"]
