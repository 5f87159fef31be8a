"""The session as it is now, and those who wait for it to be otherwise."""

import asyncio

from firmware.voice.state import Down, HeadsetPresent, Session, Up
from firmware.voice.watched import WatchedSession


async def test_who_waits_goes_on_after_the_change_was_told() -> None:
    seen: list[str] = []
    watched = WatchedSession(lambda session: seen.append("up" if session.up else "down"))

    async def wait() -> None:
        await watched.until(lambda session: session.up)
        seen.append("waited")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(wait())
        await asyncio.sleep(0)
        watched.told(Down())
        await asyncio.sleep(0)
        watched.told(Up())
    assert seen == ["down", "up", "waited"]


async def test_what_holds_already_is_not_waited_for() -> None:
    watched = WatchedSession(lambda _: None)
    watched.told(HeadsetPresent(present=True, denied=False))
    await asyncio.wait_for(watched.until(lambda session: session.headset is True), 5)
    assert watched.session != Session()
