"""What the calls are, from what the softphone says. Pure: `step(session, event, at) -> session`.

    softphone   down <-> up            all that is known of calls ends with it; calls in progress are lost
    each call   ringing -> active -> gone

Of several calls the foremost is shown: the one answered last, else the one that rang first. Nothing is ever shown as
ringing or active while the softphone is down.
"""

from msgspec.structs import replace

from firmware.drivers.softphone import AudioReport, RtcpReport, SoftphoneEvent
from firmware.facts import CallState, Fact
from firmware.voice.rtp_stream import Stream, pause

FRAME_MS = 20.0
WINDOW, RECENT = 10, 2


class Up(Fact, frozen=True):
    """The softphone is there and answers."""


class Down(Fact, frozen=True):
    """The softphone died, or was killed because it did not answer."""


class Path(Fact, frozen=True):
    """The uplink that carries the calls now; empty while none does."""

    name: str


class Registering(Fact, frozen=True):
    """The extension is being registered anew."""


class HeadsetPresent(Fact, frozen=True):
    """Whether the headset is plugged in; None is unknown. `denied`: mute is asked for, and nothing holds sound back."""

    present: bool | None
    denied: bool = False


class Held(Fact, frozen=True):
    """The softphone took the order to hold the call `id`, or to take it up again."""

    id: str
    held: bool


class Heard(Fact, frozen=True):
    """The audio of the call `id` as received so far; `stream` is None where the packets could not be counted."""

    id: str
    audio: AudioReport
    stream: Stream | None = None


Event = Up | Down | Path | Registering | HeadsetPresent | Held | Heard | SoftphoneEvent


class Leg(Fact, frozen=True):
    """One call at the softphone."""

    id: str
    peer: str
    state: CallState = "ringing"
    held: bool = False
    secure: bool = False
    audio: AudioReport = AudioReport()
    report: RtcpReport | None = None
    stream: Stream | None = None
    before: tuple[Stream, ...] = ()

    def loss(self) -> float | None:
        """The fraction lost over the last WINDOW reports or the last RECENT ones, whichever is worse: what the ear has
        just had is heard at once, and forgotten slowly. None: not counted."""
        if self.stream is None or not self.before:
            return None
        shares = [_share(self.before[0], self.stream), _share(self.before[-RECENT:][0], self.stream)]
        return max((each for each in shares if each is not None), default=None)

    def delay_ms(self) -> float | None:
        """Mouth to ear: one packet, half the round trip, what the two buffers hold. None: not all of it is known."""
        held_back, playout = self.audio.reorder_ms, self.audio.playout_ms
        if held_back is None or playout is None or self.report is None or self.report.rtt_ms is None:
            return None
        return FRAME_MS + self.report.rtt_ms / 2 + held_back + playout


def _share(then: Stream, now: Stream) -> float | None:
    """What was lost between the two of what was expected."""
    expected = now.expected - then.expected
    return max(0, now.lost - then.lost) / expected if expected > 0 else None


class Session(Fact, frozen=True):
    """Everything known now; `stale`: to be registered anew.

    `legs` stand in the order in which they rang, an answered one moved to the end.
    """

    up: bool = False
    registered: bool | None = None
    path: str | None = None
    headset: bool | None = None
    denied: bool = False
    stale: bool = False
    legs: tuple[Leg, ...] = ()
    lost_calls: int = 0
    last_lost: str = ""

    def wants_registration(self) -> bool:
        """Never during a call: registering anew ends the calls of the extension before."""
        return self.up and self.stale and not self.legs

    def foremost(self) -> Leg | None:
        """The call the dispatcher is in, else the one that rings longest."""
        active = [leg for leg in self.legs if leg.state == "active"]
        return active[-1] if active else next(iter(self.legs), None)

    def wants_headset(self) -> bool:
        """Not while it is known to be unplugged in a call: baresip spins on a sound device that has gone.

        Between calls it is wanted all the same: a call must not be answered into silence.
        """
        return self.headset is not False or not self.in_call()

    def wants_sound(self) -> tuple[bool, bool]:
        """Microphone and earpiece: one whose mute is neither proven nor gated is not given to the softphone."""
        return self.wants_headset() and not self.denied, self.wants_headset()

    def in_call(self) -> bool:
        return any(leg.state == "active" for leg in self.legs)

    def ringing(self) -> Leg | None:
        return next((leg for leg in self.legs if leg.state == "ringing"), None)

    def leg(self, id: str) -> Leg | None:
        return next((leg for leg in self.legs if leg.id == id), None)


def step(session: Session, event: Event, at: str) -> Session:
    """The session after `event`; `at` is when, as an RFC 3339 time."""
    match event:
        case Up():
            return replace(session, up=True, registered=None, stale=True, legs=())
        case Down():
            return _down(session, at)
        case Path(name=name):
            moved = bool(name) and session.path not in (None, name)
            return replace(session, path=name, stale=session.stale or moved)
        case Registering():
            return replace(session, registered=None, stale=False)
        case HeadsetPresent(present=present, denied=denied):
            return replace(session, headset=present, denied=denied)
        case Held():
            return _held(session, event)
        case Heard():
            return _heard(session, event)
    return _told(session, event) if session.up else session


def _told(session: Session, event: SoftphoneEvent) -> Session:
    match event.kind:
        case "registered":
            return replace(session, registered=True)
        case "unregistered":
            return replace(session, registered=False, stale=True)
        case "incoming":
            known = [leg for leg in session.legs if leg.id != event.id]
            return replace(session, legs=(*known, Leg(id=event.id, peer=event.peer)))
        case "established":
            return _answered(session, event)
        case "closed":
            return replace(session, legs=tuple(leg for leg in session.legs if leg.id != event.id))
        case "secured":
            return _changed(session, event.id, secure=True)
    return _changed(session, event.id, report=event.report) if event.report else session


def _answered(session: Session, event: SoftphoneEvent) -> Session:
    leg = session.leg(event.id) or Leg(id=event.id, peer=event.peer)
    rest = [each for each in session.legs if each.id != event.id]
    return replace(session, legs=(*rest, replace(leg, state="active")))


def _changed(session: Session, id: str, **fields: object) -> Session:
    legs = tuple(replace(leg, **fields) if leg.id == id else leg for leg in session.legs)
    return replace(session, legs=legs)


def _held(session: Session, event: Held) -> Session:
    """No packets are expected while it is held: what does not come is not lost."""
    leg = session.leg(event.id)
    stream = pause(leg.stream) if leg and leg.stream else None
    return _changed(session, event.id, held=event.held, stream=stream)


def _heard(session: Session, event: Heard) -> Session:
    leg = session.leg(event.id)
    if leg is None:
        return session
    before = (*leg.before, leg.stream)[-WINDOW:] if leg.stream else leg.before
    return _changed(session, event.id, audio=event.audio, stream=event.stream, before=before)


def _down(session: Session, at: str) -> Session:
    """Only an answered call counts as lost: one that rang will ring again, at us or at another dispatcher."""
    lost = sum(leg.state == "active" for leg in session.legs)
    total = session.lost_calls + lost
    return replace(
        session, up=False, registered=None, legs=(), lost_calls=total, last_lost=at if lost else session.last_lost
    )
