"""When an alert goes out again: by table, and for any run of events."""

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware import delivery
from firmware.config import AlertPolicy
from firmware.delivery import Clear, Close, Send, Text, Try, decide
from firmware.facts import Acknowledgement, Alert
from firmware.spool import Entry

ALERT = Alert(id="A1", unit="hdu-0001", kind="panic", raised_at="2026-11-22T10:00:00.000Z")
ANSWER = Acknowledgement(id="A1", by="Kim", at="2026-11-22T10:00:01.000Z")
POLICY = AlertPolicy(sms_numbers=("+15550001111",))
OPEN, AT_HUB, ANSWERED = Entry(ALERT), Entry(ALERT, delivered=True), Entry(ALERT, True, ANSWER)


def test_a_new_alert_goes_at_once() -> None:
    _, actions, due = decide(OPEN, None, 100.0, POLICY)
    assert actions == [Send("A1", 1)]
    assert due == 100.0 + POLICY.retry_first_s


def test_the_waits_double_up_to_the_longest() -> None:
    waits = [delivery.wait_s(attempt, POLICY) for attempt in range(1, 8)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_text_goes_once_when_the_hub_stays_silent() -> None:
    state, _, _ = decide(OPEN, None, 0.0, POLICY)
    state, actions, _ = decide(OPEN, state, POLICY.sms_after_s, POLICY)
    assert Text("A1") in actions
    _, actions, _ = decide(OPEN, state, POLICY.sms_after_s + 1000, POLICY)
    assert Text("A1") not in actions


def test_no_text_when_the_hub_has_it_or_nobody_is_named() -> None:
    late = Try(first_at=0.0)
    assert Text("A1") not in decide(AT_HUB, late, 100.0, POLICY)[1]
    assert Text("A1") not in decide(OPEN, late, 100.0, AlertPolicy())[1]


def test_the_hub_is_reminded_until_a_person_answers() -> None:
    state = delivery.delivered(decide(OPEN, None, 0.0, POLICY)[0], 0.0, POLICY)
    assert decide(AT_HUB, state, POLICY.remind_s - 1, POLICY)[1] == []
    assert decide(AT_HUB, state, POLICY.remind_s, POLICY)[1] == [Send("A1", 2)]


def test_an_answered_alert_is_cleared_then_shown_then_closed() -> None:
    state, actions, _ = decide(ANSWERED, None, 0.0, POLICY)
    assert actions == [Clear("A1")]
    state, actions, due = decide(ANSWERED, delivery.cleared(state), 1.0, POLICY)
    assert (actions, due) == ([], POLICY.acknowledged_lamp_s)
    assert decide(ANSWERED, state, POLICY.acknowledged_lamp_s, POLICY)[1] == [Close("A1")]


class OneAlert(RuleBasedStateMachine):
    """A hub that fails as it likes, a service that restarts as it likes, one press."""

    @initialize()
    def press(self) -> None:
        self.now, self.entry = 0.0, OPEN
        self.state: Try | None = None
        self.due, self.last_sent, self.closed = 0.0, -math.inf, False

    @rule(gap_s=st.floats(0, 60))
    def time_passes(self, gap_s: float) -> None:
        self.now += gap_s

    @rule(works=st.booleans())
    def step(self, works: bool) -> None:
        if self.closed:
            return
        self.state, actions, self.due = decide(self.entry, self.state, self.now, POLICY)
        for action in actions:
            self.act(action, works)

    def act(self, action: delivery.Action, works: bool) -> None:
        assert self.state is not None
        if isinstance(action, Send):
            assert self.entry.acknowledged is None, "an answered alert is not sent again"
            self.last_sent = self.now
            if works:
                self.entry = Entry(ALERT, True)
                self.state = delivery.delivered(self.state, self.now, POLICY)
        elif isinstance(action, Clear) and works:
            self.state = delivery.cleared(self.state)
        elif isinstance(action, Close):
            assert self.entry.acknowledged is not None, "an unanswered alert is never closed"
            self.closed = True

    @rule()
    def the_service_restarts(self) -> None:
        self.state, self.due = None, self.now

    @rule()
    def a_person_answers(self) -> None:
        if self.entry.delivered:
            self.entry = ANSWERED

    @invariant()
    def there_is_always_a_next_look(self) -> None:
        if not self.closed:
            assert self.due < math.inf
            assert self.due <= self.now + max(POLICY.remind_s, POLICY.retry_max_s, POLICY.acknowledged_lamp_s)


TestOneAlert = OneAlert.TestCase
TestOneAlert.settings = settings(max_examples=200, deadline=None)
