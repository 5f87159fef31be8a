"""The updates service of the release in the booted slot: what a slot of the tests holds is the version it is."""

import os
import runpy
from pathlib import Path

from firmware.release import version

slot = Path(os.environ["HDU_SLOTS"]) / f"slot-{version.slot()}"
version.RELEASE = slot.read_bytes().rstrip(b"\0").decode()
runpy.run_module("firmware.updates", run_name="__main__", alter_sys=True)
