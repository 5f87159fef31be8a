"""Answers of supervisors, and alerts the broker held: handed to the alerts service, which knows what they mean."""

import asyncio
import logging

import msgspec
from sdbus import SdBus

from firmware import bus
from firmware.facts import Acknowledgement

RETRY_S = 1.0
log = logging.getLogger("hublink")


def answer_in(id: str, payload: bytes) -> Acknowledgement | str:
    """The answer to the alert `id` in a message of the hub, or why it is none. Pure."""
    try:
        answer = msgspec.json.decode(payload, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
    if answer.id != id:
        return f"it names the alert {answer.id!r}"
    if not (answer.by.strip() and (answer.by + answer.at).isprintable()):
        return f"{answer.by!r} at {answer.at!r} names nobody"
    return answer


async def answered(on: SdBus, id: str, payload: bytes) -> None:
    """A person's answer goes to the alerts service until that has taken it; one that is not whole is refused."""
    answer = answer_in(id, payload)
    if isinstance(answer, str):
        return log.error("answer refused: %s", answer, extra={"alert": id})
    while True:
        try:
            return log.info("answered", extra={"alert": id, "known": await _hand_over(on, answer)})
        except bus.BusError as error:
            log.warning("%s", error)
            await asyncio.sleep(RETRY_S)


async def _hand_over(on: SdBus, answer: Acknowledgement) -> bool:
    return bool(await bus.call(on, "Alerts", "Acknowledge", "sss", answer.id, answer.by, answer.at))


async def held(on: SdBus, id: str) -> None:
    """A broker that went back to an older state may hold an alert that was answered: the alerts service knows."""
    try:
        await bus.call(on, "Alerts", "Held", "s", id)
    except bus.BusError as error:
        log.warning("%s", error, extra={"alert": id})
