"""Messages on their way out through the modem: one at a time, so many waiting, tried again where that doubles none.

A message asked for again while it is on its way, or within SAME_S after it was sent, is the same message: whoever asked
and lost patience asks again and gets the outcome, and nobody gets two.
"""

import asyncio

from firmware.drivers import at_answers as at
from firmware.drivers.at_lines import Command
from firmware.drivers.at_port import ModemError, ModemRefused
from firmware.drivers.sms_text import number_fault, one_message
from firmware.radio.reading import Ask

SENT, SAME_S, RETRY_S = "sent", 60.0, 0.5
SETUP = ("AT+CMGF=1", 'AT+CSCS="IRA"')


class SmsFailed(Exception):
    """The message was not sent, or nobody can say; the words tell which."""


class Outbox:
    """`answer_s` bounds each command, `sms_s` a message with all its tries; `most` may wait at once."""

    def __init__(self, ask: Ask, answer_s: float, sms_s: float, most: int) -> None:
        self._ask, self.answer_s, self.sms_s, self.most = ask, answer_s, sms_s, most
        self._open: dict[tuple[str, str], asyncio.Task[str]] = {}
        self._sent_at: dict[tuple[str, str], float] = {}
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        return len(self._open)

    async def send(self, to: str, text: str) -> str:
        """`sent` when the network has taken it; SmsFailed says in one line why not."""
        if fault := number_fault(to):
            raise SmsFailed(fault)
        message = (to, one_message(text))
        if self._was_sent(message):
            return SENT
        if message not in self._open:
            self._begin(message)
        return await asyncio.shield(self._open[message])

    def _was_sent(self, message: tuple[str, str]) -> bool:
        now = asyncio.get_running_loop().time()
        self._sent_at = {each: at for each, at in self._sent_at.items() if now - at < SAME_S}
        return message in self._sent_at

    def _begin(self, message: tuple[str, str]) -> None:
        if len(self._open) >= self.most:
            raise SmsFailed(f"sms: {self.most} messages wait already; this one was not taken, try again later")
        self._open[message] = task = asyncio.get_running_loop().create_task(self._deliver(message))
        task.add_done_callback(lambda done: self._ended(message, done))

    def _ended(self, message: tuple[str, str], task: "asyncio.Task[str]") -> None:
        del self._open[message]
        if not task.cancelled() and task.exception() is None:
            self._sent_at[message] = asyncio.get_running_loop().time()

    async def _deliver(self, message: tuple[str, str]) -> str:
        """Tries until it is sent, until another try is useless or could double it, or until `sms_s` is over."""
        until = asyncio.get_running_loop().time() + self.sms_s
        while True:
            async with self._turn:
                left_s = until - asyncio.get_running_loop().time()
                failed, again = await self._try(message, max(left_s, self.answer_s))
            if not failed:
                return SENT
            if not again or left_s < RETRY_S:
                raise SmsFailed(f"sms to {message[0]}: {failed}")
            await asyncio.sleep(RETRY_S)

    async def _try(self, message: tuple[str, str], within_s: float) -> tuple[str, bool]:
        """What went wrong (empty: it was sent), and whether another try could help and cannot double it."""
        try:
            await self._type(message, within_s)
        except ModemRefused as refused:
            return f"{at.error_words(refused.code)}; it was not sent", at.passing(refused.code)
        except ModemError as error:
            return (f"{error}; it may have been sent", False) if error.typed else (f"{error}; it was not sent", True)
        return "", False

    async def _type(self, message: tuple[str, str], within_s: float) -> None:
        for text in SETUP:
            await self._ask(Command(text, "", self.answer_s))
        to, text = message
        await self._ask(Command(f'AT+CMGS="{to}"', r"\+CMGS: ", within_s, text, self.answer_s))
