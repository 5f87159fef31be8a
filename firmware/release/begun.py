"""What a start of the updates service means for a bundle that it had begun with: pure.

| this unit was     | installed | booted  |                                                                     |
|-------------------|-----------|---------|---------------------------------------------------------------------|
| not started again | no        | before  | `break-off`: RAUC goes on without anybody who watches it            |
| not started again | yes       | before  | `boot`: as soon as that disturbs nobody                             |
| started again     | either    | its own | `prove`: a plug pulled in the last moment leaves it whole           |
| started again     | no        | before  | `forget`: cut short, and no fault of the bundle's                   |
| started again     | yes       | before  | `failed`: the boot loader has tried it and gone back                |
"""

from typing import Literal

from firmware.release.memory import Trial

Step = Literal["break-off", "boot", "prove", "forget", "failed"]


def step(trial: Trial, slot: str | None, boot: str) -> Step:
    """What comes next; `slot` was booted, in this `boot`."""
    if trial.boot == boot:
        return "boot" if trial.installed else "break-off"
    if slot == trial.slot:
        return "prove"
    return "failed" if trial.installed else "forget"
