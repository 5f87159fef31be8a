"""The checks behind the verdict, one file each: finds, explains in the dispatcher's words, and clears itself.

A check is a pure function `(status document) -> Reason | None`. `ALL` is their order, the worst first to read.
"""

from collections.abc import Callable

from firmware.checks import (
    battery_age,
    call,
    clock,
    configuration,
    disk,
    headset,
    hub,
    microphone,
    panel,
    power,
    remote_help,
    second_uplink,
    sim,
    update,
    uplink,
    voice,
)
from firmware.checks.reason import Reason
from firmware.facts import Status

Check = Callable[[Status], Reason | None]
ALL: tuple[Check, ...] = (
    panel.check,
    hub.check,
    uplink.check,
    headset.check,
    microphone.check,
    power.check,
    call.check,
    voice.check,
    disk.check,
    second_uplink.check,
    sim.check,
    battery_age.check,
    clock.check,
    configuration.check,
    update.check,
    remote_help.check,
)
