"""What is shown of the calls: the machine's session as the fact `Call`. Pure."""

from msgspec.structs import replace

from firmware.facts import Call
from firmware.voice import e_model
from firmware.voice.state import Leg, Session


def fact(session: Session) -> Call:
    """What is shown. While the softphone is down no call is known to be: idle, and not registered."""
    leg = session.foremost()
    between = Call(
        state="idle",
        softphone="up" if session.up else "down",
        registered=session.registered if session.up else False,
        lost_calls=session.lost_calls,
        last_lost=session.last_lost,
        lost_frames=0,
        longest_gap_ms=0.0,
    )
    return _shown(between, leg, session) if leg else between


def _shown(between: Call, leg: Leg, session: Session) -> Call:
    ringing = session.ringing()
    shown = replace(
        between,
        state=leg.state,
        peer=leg.peer,
        held=leg.held,
        secure=leg.secure if leg.state == "active" else None,
        waiting=ringing is not None and ringing is not leg,
    )
    return _audible(shown, leg) if leg.state == "active" else shown


def _audible(shown: Call, leg: Leg) -> Call:
    """Counted packets where there are some; RTCP's word for the rest. No rating without loss and delay."""
    loss, delay_ms, stream = leg.loss(), leg.delay_ms(), leg.stream
    r = None if loss is None or delay_ms is None else e_model.of_call(leg.audio.codec, loss, delay_ms)
    return replace(
        shown,
        codec=leg.audio.codec,
        overruns=leg.audio.overruns,
        underruns=leg.audio.underruns,
        loss=loss,
        lost_frames=stream.lost if stream else leg.report.lost if leg.report else None,
        longest_gap_ms=round(stream.longest_gap_ms, 1) if stream else None,
        jitter_ms=_rounded(stream.jitter_ms if stream else leg.report.jitter_ms if leg.report else None),
        rtt_ms=_rounded(leg.report.rtt_ms if leg.report else None),
        r_factor=_rounded(r),
        mos=None if r is None else round(e_model.mos(r), 2),
    )


def _rounded(value: float | None) -> float | None:
    """Tenths: finer is noise, and every change is a message on the bus."""
    return None if value is None else round(value, 1)
