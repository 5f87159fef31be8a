"""What the dispatcher does with a call: answers it, hangs up, holds it, hands it over."""

import asyncio
import contextlib

from firmware.config import CallPolicy
from firmware.facts import CallState
from firmware.voice.softphone import Softphone
from firmware.voice.state import Held, Leg, Session
from firmware.voice.watched import WatchedSession

ANSWERED_S = 3.0


class CallError(Exception):
    """What was asked for does not fit the call as it is, or did not happen; the message says which."""


class Dispatcher:
    """Each raises CallError, or SoftphoneError where the softphone does not take it."""

    def __init__(self, watched: WatchedSession, softphone: Softphone, policy: CallPolicy) -> None:
        self.watched, self.softphone, self.policy = watched, softphone, policy

    async def answer(self) -> None:
        """The call is answered when this returns; CallError where none rings or it could not be."""
        leg = self.watched.session.ringing()
        if leg is None:
            raise CallError("calls: no call rings")
        await self.order(leg, "accept")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.watched.until(lambda session: _is_answered(session, leg.id)), ANSWERED_S)
        if not (answered := self.watched.session.leg(leg.id)) or answered.state != "active":
            words = " | ".join(self.softphone.phone.last_words) if self.softphone.phone else "the softphone died"
            raise CallError(f"calls: the call could not be answered: {words}")

    async def hang_up(self) -> None:
        """Ends the call shown, or refuses the one that rings."""
        await self.order(self._leg(), "hangup")

    async def hold(self, hold: bool) -> None:
        leg = self._leg("active")
        await self.order(leg, "hold" if hold else "resume")
        self.watched.told(Held(id=leg.id, held=hold))

    async def transfer(self, target: str) -> None:
        """Blind transfer (RFC 5589) to a SIP URI or an extension; empty: to the one the site names."""
        target = target or self.policy.transfer_target
        if not target or set(target) & set(' \r\n"<>'):
            raise CallError("calls: no target to transfer to; give one, or set calls.transfer_target in site.toml")
        uri = target if target.startswith(("sip:", "sips:")) else f"sip:{target}@{self.policy.sip_host}"
        await self.order(self._leg("active"), "transfer", uri)

    def _leg(self, state: CallState | None = None) -> Leg:
        leg = self.watched.session.foremost()
        if leg is None or state not in (None, leg.state):
            raise CallError(f"calls: there is no {state or ''} call".replace("  ", " "))
        return leg

    async def order(self, leg: Leg, command: str, params: str = "") -> None:
        """One command about one call: baresip takes it for its current call, so that is chosen first."""
        if self.softphone.phone is None:
            raise CallError("calls: the softphone is down; it is being started again")
        await self.softphone.phone.command("callfind", leg.id)
        await self.softphone.phone.command(command, params)


def _is_answered(session: Session, id: str) -> bool:
    leg = session.leg(id)
    return leg is None or leg.state == "active"
