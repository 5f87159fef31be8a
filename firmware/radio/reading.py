"""One round of questions to the modem and what it makes of the fact: what is refused stays unknown."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from firmware import facts
from firmware.drivers import at_answers as at
from firmware.drivers.at_lines import Command
from firmware.drivers.at_port import Answer, ModemRefused

Ask = Callable[[Command], Awaitable[Answer]]
NOT_REGISTERED = {0: "not searching", 2: "searching", 3: "denied", 6: "for messages only", 7: "for messages only"}


async def read(ask: Ask, answer_s: float, vendor: str) -> facts.Modem:
    """The fact without its port; ModemSilent or ModemAbsent as soon as one question is not answered in `answer_s`."""

    async def lines(command: Command) -> Answer:
        return (await _asked(ask, command, answer_s))[0]

    card = _sim(*await _asked(ask, at.CPIN, answer_s))
    stats = [at.stat(await lines(at.CEREG)), at.stat(await lines(at.CREG))]
    registered, roaming = at.registration(stats)
    if registered is False:
        await _radio_on(ask, answer_s)
    return facts.Modem(
        sim=card,
        iccid=await _iccid(ask, answer_s) if card == "ready" else "",
        registered=registered,
        roaming=roaming,
        operator=at.operator(await lines(at.COPS)) if registered else "",
        signal_dbm=at.signal_dbm(await lines(at.CSQ)),
        rsrp_dbm=at.rsrp_dbm(await lines(at.CESQ)),
        temperature_c=at.temperature_c(await lines(at.TEMPERATURE[vendor]), vendor) if vendor != "none" else None,
        reason=reason(card, registered, stats),
    )


def reason(card: str, registered: bool | None, stats: list[int | None]) -> str:
    """What is wrong, in words; empty where nothing is."""
    if card != "ready":
        return f"SIM {card}" if card else "the SIM does not say its state"
    if registered:
        return ""
    words = [NOT_REGISTERED[each] for each in stats if each in NOT_REGISTERED]
    return f"not registered ({words[0]})" if words else "registration unknown"


def _sim(lines: Answer, error: str) -> str:
    if lines:
        return at.sim(lines)
    return "absent" if error == f"+CME ERROR: {at.SIM_ABSENT}" else at.error_words(error)


async def _iccid(ask: Ask, answer_s: float) -> str:
    """The makers ask for the card's number in different words; the first that is answered counts."""
    for command in at.CARD:
        if found := at.iccid((await _asked(ask, command, answer_s))[0]):
            return found
    return ""


async def _radio_on(ask: Ask, answer_s: float) -> None:
    """A radio that was left off (an airplane mode that was cut short) is turned on again."""
    if at.functional((await _asked(ask, at.CFUN, answer_s))[0]) is False:
        await _asked(ask, at.RADIO_ON, at.RADIO_ON.within_s)


async def _asked(ask: Ask, command: Command, answer_s: float) -> tuple[Answer, str]:
    """The lines of the answer, or the error it was refused with."""
    try:
        return await ask(replace(command, within_s=answer_s)), ""
    except ModemRefused as refused:
        return (), refused.code
