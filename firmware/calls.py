"""The calls service: keeps a softphone running, and says truly what the call is.

On the bus: `org.homedispatch.Calls` with `Answer()`, `HangUp()`, `Hold(hold)` and `Transfer(target)`. A call in
progress when the softphone dies is gone: it is counted in `LostCalls`, its time is `LastLost`, and the softphone is
started again. The extension registers anew when the active uplink changes, between calls.
"""

from firmware import bus, facts
from firmware.service import Unit, run
from firmware.voice.dispatcher import Dispatcher
from firmware.voice.fact import fact
from firmware.voice.softphone import Softphone
from firmware.voice.state import HeadsetPresent, Path
from firmware.voice.watched import WatchedSession


class Calls:
    def __init__(self, unit: Unit) -> None:
        self.unit, self.watched = unit, WatchedSession(lambda session: self.export.set(fact(session)))
        self.softphone = Softphone(unit.config, self.watched)
        dispatcher = Dispatcher(self.watched, self.softphone, unit.config.site.calls)
        methods = [
            bus.Method("Answer", "", (), "", dispatcher.answer),
            bus.Method("HangUp", "", (), "", dispatcher.hang_up),
            bus.Method("Hold", "b", ("hold",), "", dispatcher.hold),
            bus.Method("Transfer", "s", ("target",), "", dispatcher.transfer),
        ]
        self.export = bus.Export(unit.bus, "Calls", fact(self.watched.session), methods)

    async def follow_headset(self) -> None:
        """A headset service that is away changes nothing about the microphone."""
        async for headset in bus.follow(self.unit.bus, "Headset", facts.Headset):
            present, denied = (headset.present, _is_denied(headset)) if headset else (None, self.watched.session.denied)
            if (present, denied) != (self.watched.session.headset, self.watched.session.denied):
                self.watched.told(HeadsetPresent(present=present, denied=denied))

    async def follow_path(self) -> None:
        """The active uplink, as the uplinks service says; while that is away the path is taken to be what it was."""
        async for known in bus.follow(self.unit.bus, "Uplinks", facts.Uplinks):
            active = [each.name for each in known.uplinks if each.active] if known else []
            if (name := active[0] if active else "") != self.watched.session.path:
                self.watched.told(Path(name=name))


def _is_denied(headset: facts.Headset) -> bool:
    """Mute is asked for and not proven, and no gate was read back shut: then the softphone is the gate."""
    return headset.mute_state == "fault" and headset.capture_cut is not True


async def body(unit: Unit) -> None:
    calls = Calls(unit)
    await calls.export.own()
    unit.group.create_task(calls.softphone.stay_up(), name="softphone")
    unit.group.create_task(calls.follow_path(), name="path")
    unit.group.create_task(calls.follow_headset(), name="headset")
    unit.ready()


if __name__ == "__main__":
    run(body)
