"""What the dispatcher is told where what was asked for does not fit the call."""

import pytest

from firmware.config import Config
from firmware.voice.dispatcher import CallError, Dispatcher
from firmware.voice.softphone import Softphone
from firmware.voice.watched import WatchedSession


@pytest.fixture
async def dispatcher() -> Dispatcher:
    config, watched = Config(), WatchedSession(lambda _: None)
    return Dispatcher(watched, Softphone(config, watched), config.site.calls)


async def test_without_a_call_there_is_none_to_answer_or_end(dispatcher: Dispatcher) -> None:
    with pytest.raises(CallError, match="no call rings"):
        await dispatcher.answer()
    with pytest.raises(CallError, match="there is no call"):
        await dispatcher.hang_up()
    with pytest.raises(CallError, match="there is no active call"):
        await dispatcher.hold(True)


@pytest.mark.parametrize("target", ["", "a b", 'sip:"a"@b', "a\r\nb", "<a>"])
async def test_a_call_is_not_handed_to_what_is_no_target(dispatcher: Dispatcher, target: str) -> None:
    with pytest.raises(CallError, match="no target"):
        await dispatcher.transfer(target)
