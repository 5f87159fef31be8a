"""The call machine: by table, and by hypothesis for what must never be shown."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware.drivers.softphone import AudioReport, EventKind, RtcpReport, SoftphoneEvent
from firmware.voice.fact import fact
from firmware.voice.rtp_stream import Stream
from firmware.voice.state import Down, Event, HeadsetPresent, Heard, Held, Path, Registering, Session, Up, step

AT = "2026-11-22T10:00:00.000Z"
LATER = "2026-11-22T11:00:00.000Z"


def told(kind: EventKind, id: str = "1", report: RtcpReport | None = None) -> SoftphoneEvent:
    return SoftphoneEvent(kind=kind, id=id, peer=f"sip:{id}@agency", report=report)


def after(*events: Event, at: str = AT) -> Session:
    session = Session()
    for event in events:
        session = step(session, event, at)
    return session


def stream(received: int, lost: int) -> Stream:
    return Stream(ssrc=7, first=0, highest=received + lost - 1, received=received)


CALL: tuple[Event, ...] = (Up(), told("registered"), told("incoming"), told("established"), told("secured"))


def test_before_the_softphone_is_up_nothing_is_registered_and_no_call_is_there() -> None:
    call = fact(Session())
    assert (call.state, call.softphone, call.registered) == ("idle", "down", False)


def test_a_call_rings_is_active_and_ends() -> None:
    assert fact(after(*CALL[:3])).state == "ringing"
    active = fact(after(*CALL))
    assert (active.state, active.peer, active.secure, active.registered) == ("active", "sip:1@agency", True, True)
    ended = fact(after(*CALL, told("closed")))
    assert (ended.state, ended.peer, ended.lost_calls, ended.lost_frames) == ("idle", "", 0, 0)


def test_the_softphones_death_loses_the_answered_call_and_says_when() -> None:
    lost = fact(step(after(*CALL), Down(), LATER))
    assert (lost.state, lost.softphone, lost.lost_calls, lost.last_lost) == ("idle", "down", 1, LATER)
    assert lost.registered is False


def test_a_call_that_only_rang_is_not_lost_with_the_softphone() -> None:
    assert fact(after(*CALL[:3], Down())).lost_calls == 0


def test_what_was_lost_stays_said_through_the_next_call() -> None:
    session = step(after(*CALL), Down(), LATER)
    for event in CALL:
        session = step(session, event, AT)
    assert (fact(session).state, fact(session).last_lost) == ("active", LATER)


def test_news_of_a_dead_softphone_changes_nothing() -> None:
    session = after(*CALL, Down())
    assert step(session, told("established", "2"), AT) == session


def test_a_second_call_waits_and_comes_forward_when_the_first_ends() -> None:
    both = after(*CALL, told("incoming", "2"))
    assert (fact(both).state, fact(both).peer, fact(both).waiting) == ("active", "sip:1@agency", True)
    second = fact(step(both, told("closed", "1"), AT))
    assert (second.state, second.peer, second.waiting) == ("ringing", "sip:2@agency", False)


def test_the_call_answered_last_is_the_one_shown() -> None:
    session = after(*CALL, told("incoming", "2"), told("established", "2"))
    assert fact(session).peer == "sip:2@agency"


def test_held_and_taken_up_again() -> None:
    held = after(*CALL, Held(id="1", held=True))
    assert (fact(held).state, fact(held).held) == ("active", True)
    assert not fact(step(held, Held(id="1", held=False), AT)).held


def test_it_wants_to_register_at_start_on_a_failure_and_on_a_new_path_but_never_in_a_call() -> None:
    assert after(Up()).wants_registration()
    registered = after(Up(), Registering(), told("registered"), Path(name="wired"))
    assert not registered.wants_registration()
    assert step(registered, told("unregistered"), AT).wants_registration()
    moved = step(registered, Path(name="lte"), AT)
    assert moved.wants_registration()
    in_call = step(moved, told("incoming"), AT)
    assert not in_call.wants_registration()
    assert step(in_call, told("closed"), AT).wants_registration()


def test_losing_every_uplink_and_getting_the_same_one_back_is_a_new_path() -> None:
    registered = after(Up(), Registering(), told("registered"), Path(name="wired"))
    outage = step(registered, Path(name=""), AT)
    assert not outage.wants_registration()
    assert step(outage, Path(name="wired"), AT).wants_registration()


def test_the_headset_is_wanted_unless_it_is_gone_in_a_call() -> None:
    """Answered without it, nobody would hear the caller; spinning on it, nobody would get the processor."""
    gone = after(*CALL, HeadsetPresent(present=False))
    assert not gone.wants_headset()
    assert step(gone, HeadsetPresent(present=True), AT).wants_headset()
    assert step(gone, HeadsetPresent(present=None), AT).wants_headset()
    assert step(gone, told("closed"), AT).wants_headset()


def test_a_microphone_whose_mute_holds_nothing_back_is_taken_from_the_call_and_the_ear_is_not() -> None:
    assert after(*CALL).wants_sound() == (True, True)
    assert after(*CALL, HeadsetPresent(present=True, denied=True)).wants_sound() == (False, True)
    assert after(*CALL, HeadsetPresent(present=False)).wants_sound() == (False, False)
    assert after(HeadsetPresent(present=True, denied=True)).wants_sound() == (False, True)


def test_no_rating_while_loss_or_delay_is_unknown() -> None:
    audio = AudioReport(codec="opus", reorder_ms=40, playout_ms=60)
    unmeasured = fact(after(*CALL, Heard(id="1", audio=audio)))
    assert (unmeasured.mos, unmeasured.lost_frames, unmeasured.loss, unmeasured.longest_gap_ms) == (None,) * 4


def test_a_rating_is_of_the_last_reports_and_the_loss_of_the_whole_call() -> None:
    audio = AudioReport(codec="opus", reorder_ms=40, playout_ms=60)
    report = RtcpReport(received=100, lost=0, jitter_ms=2, rtt_ms=30)
    first = after(*CALL, told("reported", report=report), Heard(id="1", audio=audio, stream=stream(500, 50)))
    clean = step(first, Heard(id="1", audio=audio, stream=stream(550, 50)), AT)
    bad = step(first, Heard(id="1", audio=audio, stream=stream(540, 60)), AT)
    assert (fact(clean).loss, fact(clean).lost_frames, fact(bad).loss) == (0.0, 50, 0.2)
    assert fact(clean).mos and fact(bad).mos
    assert (fact(clean).mos or 0) > 4 > 3 > (fact(bad).mos or 5)


def test_what_the_ear_has_just_had_counts_at_once_and_is_forgotten_slowly() -> None:
    """Nine clean reports, then a third of one second's packets lost."""
    audio = AudioReport(codec="opus", reorder_ms=40, playout_ms=60)
    session = after(*CALL)
    for second in range(10):
        session = step(session, Heard(id="1", audio=audio, stream=stream(50 * second, 0)), AT)
    session = step(session, Heard(id="1", audio=audio, stream=stream(483, 17)), AT)
    assert fact(session).loss == 0.17
    for second in range(1, 3):
        session = step(session, Heard(id="1", audio=audio, stream=stream(483 + 50 * second, 17)), AT)
    assert fact(session).loss == 0.034


def test_without_counted_packets_rtcp_tells_the_loss() -> None:
    report = RtcpReport(received=100, lost=3, jitter_ms=2.04, rtt_ms=None)
    call = fact(after(*CALL, told("reported", report=report)))
    assert (call.lost_frames, call.jitter_ms, call.rtt_ms) == (3, 2.0, None)


IDS = st.sampled_from(["1", "2", "3"])
KINDS: st.SearchStrategy[EventKind] = st.sampled_from(
    ["registered", "unregistered", "incoming", "established", "closed", "secured", "reported"]
)


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: what is shown follows from what the softphone said since it came up."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.alive = False
        self.answered: set[str] = set()
        self.lost = 0

    @rule()
    def comes_up(self) -> None:
        self.session, self.alive = step(self.session, Up(), AT), True
        self.answered.clear()

    @rule()
    def dies(self) -> None:
        self.lost += len(self.answered) if self.alive else 0
        self.session, self.alive = step(self.session, Down(), AT), False
        self.answered.clear()

    @rule(kind=KINDS, id=IDS)
    def says(self, kind: EventKind, id: str) -> None:
        self.session = step(self.session, told(kind, id), AT)
        if self.alive and kind == "established":
            self.answered.add(id)
        elif kind in ("closed", "incoming"):
            self.answered.discard(id)

    @rule(id=IDS, held=st.booleans())
    def is_held(self, id: str, held: bool) -> None:
        self.session = step(self.session, Held(id=id, held=held), AT)

    @rule(id=IDS)
    def is_heard(self, id: str) -> None:
        self.session = step(self.session, Heard(id=id, audio=AudioReport(), stream=stream(10, 0)), AT)

    @invariant()
    def never_alive_after_death(self) -> None:
        call = fact(self.session)
        if not self.alive:
            assert (call.state, call.registered, call.softphone, call.mos) == ("idle", False, "down", None)

    @invariant()
    def active_exactly_while_an_answered_call_is_there(self) -> None:
        assert (fact(self.session).state == "active") == bool(self.answered)

    @invariant()
    def every_lost_call_is_counted(self) -> None:
        call = fact(self.session)
        assert call.lost_calls == self.lost
        assert bool(call.last_lost) == bool(self.lost)

    @invariant()
    def never_registers_over_a_call(self) -> None:
        assert not (self.session.wants_registration() and self.session.legs)


TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.tuples(KINDS, IDS), max_size=30))
def test_an_active_call_is_shown_before_one_that_rings(said: list[tuple[EventKind, str]]) -> None:
    session = after(Up(), *(told(kind, id) for kind, id in said))
    states = {leg.state for leg in session.legs}
    assert fact(session).state == ("active" if "active" in states else "ringing" if states else "idle")
