"""The view, pure: messages in, document out."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware import facts
from hub.console import view as seen
from hub.console.document import SILENT_S, Document, document
from hub.console.messages import AlertCleared, AlertSaid, AnswerSaid, Message, OnlineSaid, Other, StatusSaid
from hub.console.times import epoch_s, rfc3339
from hub.console.view import ALERTS_KEPT, ANSWERED_SHOWN_S, OPEN_OF_ONE_UNIT, View

NOW = epoch_s("2026-11-22T10:00:00.000Z") or 0.0
UNIT = "hdu-0001"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(number: int) -> str:
    """The id of an alert raised `number` ms after 2026-11-22 or so."""
    digits = ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits = ALPHABET[digit] + digits
    return "01KANV" + digits[6:]


def alert(number: int = 0, unit: str = UNIT, kind: str = "panic", attempt: int = 1, via: str = "wired") -> AlertSaid:
    return AlertSaid(unit, ulid(number), kind, rfc3339(NOW + number), attempt, via)


def answer(number: int = 0, by: str = "Ana", at_s: float = NOW) -> AnswerSaid:
    return AnswerSaid(UNIT, ulid(number), by, rfc3339(at_s))


def status(at_s: float = NOW, safe: bool | None = True) -> StatusSaid:
    readiness = facts.Readiness(safe=safe)
    said = facts.Status(unit=UNIT, version="0.1.0", slot="A", at=rfc3339(at_s), readiness=readiness)
    return StatusSaid(UNIT, said)


def after(*messages: Message, now_s: float = NOW, retained: bool = False) -> View:
    view = seen.connected(View(), NOW)
    for message in messages:
        view = seen.take(view, message, now_s, retained)
    return view


def shown(view: View, now_s: float = NOW) -> Document:
    return document(view, now_s)


def test_an_alert_is_one_open_row() -> None:
    (row,) = shown(after(alert())).alerts
    assert msgspec.to_builtins(row) == {
        "id": ulid(0),
        "unit": UNIT,
        "kind": "panic",
        "raised_at": "2026-11-22T10:00:00.000Z",
        "received_at": "2026-11-22T10:00:00.000Z",
        "via": "wired",
        "attempt": 1,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }


def test_seen_again_it_is_the_same_alert_as_it_comes_now() -> None:
    view = after(alert())
    view = seen.take(view, alert(attempt=2, via="lte"), NOW + 5)
    (row,) = shown(view).alerts
    assert (row.attempt, row.via, row.received_at) == (2, "lte", "2026-11-22T10:00:00.000Z")


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_answered_it_stays_answered_in_whatever_order_it_is_told(order: tuple[int, ...]) -> None:
    """Retained messages come in any order; a repeat on its way must not open the alert again."""
    said: list[Message] = [alert(), answer(), alert(attempt=2)]
    (row,) = shown(after(*(said[each] for each in order))).alerts
    assert (row.acknowledged_by, row.kind) == ("Ana", "panic")


def test_the_first_answer_counts() -> None:
    (row,) = shown(after(alert(), answer(by="Ana"), answer(by="Bo"))).alerts
    assert row.acknowledged_by == "Ana"


def test_an_alert_taken_back_without_an_answer_stays_open() -> None:
    view = after(alert(), AlertCleared(UNIT, ulid(0)))
    assert [row.acknowledged_by for row in shown(view).alerts] == [None]


def test_an_answer_alone_is_shown_with_what_is_known() -> None:
    (row,) = shown(after(answer(), retained=True)).alerts
    assert (row.kind, row.received_at, row.acknowledged_by) == (None, None, "Ana")
    assert epoch_s(row.raised_at) is not None


def test_another_units_alert_cannot_be_taken_over() -> None:
    view = after(alert(), alert(unit="hdu-0002"), AnswerSaid("hdu-0002", ulid(0), "Mallory", rfc3339(NOW)))
    assert [(row.unit, row.acknowledged_by) for row in shown(view).alerts] == [(UNIT, None)]
    assert view.ignored == {"another unit's alert": 2}


def test_open_alerts_come_first_the_oldest_on_top_then_answers_the_newest_on_top() -> None:
    view = after(*map(alert, (3, 1, 2, 4)), answer(1, at_s=NOW + 5), answer(4, at_s=NOW + 9))
    assert [row.id for row in shown(view).alerts] == [ulid(number) for number in (2, 3, 4, 1)]


def test_an_answer_is_shown_for_hours_not_for_ever() -> None:
    view = after(alert(), answer())
    assert shown(view, NOW + ANSWERED_SHOWN_S - 1).alerts
    assert not shown(view, NOW + ANSWERED_SHOWN_S + 1).alerts


def test_an_open_alert_is_shown_for_ever() -> None:
    assert shown(after(alert()), NOW + 100 * ANSWERED_SHOWN_S).alerts


def test_one_unit_cannot_bury_the_others() -> None:
    view = after(*map(alert, range(OPEN_OF_ONE_UNIT + 1)), alert(9_999, unit="hdu-0002"))
    assert len(view.alerts) == OPEN_OF_ONE_UNIT + 1
    assert view.ignored == {"too many open alerts of one unit": 1}
    assert ulid(9_999) in view.alerts


def test_only_answered_alerts_are_ever_forgotten() -> None:
    view = after(alert(0))
    for number in range(1, ALERTS_KEPT + 200):
        view = seen.take(seen.take(view, alert(number), NOW), answer(number, at_s=NOW + number), NOW)
    assert len(view.alerts) <= ALERTS_KEPT
    assert view.alerts[ulid(0)].acknowledged_by is None


@pytest.mark.parametrize("safe, verdict", [(True, "fit"), (False, "not fit"), (None, "unknown")])
def test_the_verdict_in_words(safe: bool | None, verdict: str) -> None:
    (unit,) = shown(after(OnlineSaid(UNIT, True), status(safe=safe))).units
    assert unit.verdict == verdict


@pytest.mark.parametrize(
    "last",
    [OnlineSaid(UNIT, False), OnlineSaid(UNIT, None), StatusSaid(UNIT, None)],
)
def test_what_is_not_known_now_has_no_verdict(last: Message) -> None:
    (unit,) = shown(after(OnlineSaid(UNIT, True), status(), last)).units
    assert unit.verdict == "unknown"


def test_a_unit_without_a_word_is_unknown_not_well() -> None:
    (unit,) = shown(after(alert())).units
    assert (unit.online, unit.verdict, unit.power) == (None, "unknown", None)


def test_a_unit_long_silent_is_not_known_to_be_on_line() -> None:
    view = after(OnlineSaid(UNIT, True), status())
    assert shown(view, NOW + SILENT_S - 1).units[0].online is True
    assert shown(view, NOW + SILENT_S + 1).units[0].online is None


def test_a_retained_status_is_as_old_as_it_says() -> None:
    view = after(OnlineSaid(UNIT, True), status(NOW - 3600), retained=True)
    (unit,) = shown(view).units
    assert (unit.last_seen, unit.online) == ("2026-11-22T09:00:00.000Z", None)


def test_a_clock_ahead_is_not_seen_in_the_future() -> None:
    assert shown(after(status(NOW + 3600), retained=True)).units[0].last_seen == rfc3339(NOW)


def test_the_last_will_is_no_sign_of_life() -> None:
    view = seen.take(after(status()), OnlineSaid(UNIT, False), NOW + 60)
    (unit,) = shown(view, NOW + 60).units
    assert (unit.online, unit.last_seen) == (False, rfc3339(NOW))


@pytest.mark.parametrize("message, known", [(Other(UNIT, True), 1), (Other(UNIT, False), 0)])
def test_only_what_a_unit_says_makes_it_known(message: Message, known: int) -> None:
    assert len(shown(after(message)).units) == known


def test_without_the_broker_nobody_is_known_to_be_on_line_and_no_alert_is_lost() -> None:
    view = seen.lost(after(OnlineSaid(UNIT, True), status(), alert()), NOW + 1)
    found = shown(view)
    assert (found.broker.state, found.units[0].online, found.units[0].verdict) == ("lost", None, "unknown")
    assert len(found.alerts) == 1


def test_a_unit_whose_words_were_all_withdrawn_is_gone() -> None:
    view = after(OnlineSaid(UNIT, True), status(), StatusSaid(UNIT, None), OnlineSaid(UNIT, None))
    assert shown(view).units == []


SAID: some.SearchStrategy[Callable[[int], Message]] = some.sampled_from(
    [alert, lambda number: alert(number, attempt=9, via="lte"), answer, lambda number: AlertCleared(UNIT, ulid(number))]
)


@given(some.lists(some.tuples(SAID, some.integers(0, 5)), max_size=40), some.booleans())
def test_every_alert_said_is_one_row_open_until_answered(
    told: list[tuple[Callable[[int], Message], int]], lost: bool
) -> None:
    messages = [make(number) for make, number in told]
    view = after(*messages)
    found = shown(seen.lost(view, NOW) if lost else view).alerts
    raised = {each.id for each in messages if isinstance(each, AlertSaid)}
    answered = {each.id for each in messages if isinstance(each, AnswerSaid)}
    assert sorted(row.id for row in found) == sorted(raised | answered)
    assert {row.id for row in found if row.acknowledged_by is None} == raised - answered
    opened = [row.acknowledged_by is None for row in found]
    assert opened == sorted(opened, reverse=True)


@given(some.floats(0, 4_102_444_799))
def test_times_are_read_as_they_were_written(at_s: float) -> None:
    assert epoch_s(rfc3339(at_s)) == pytest.approx(at_s, abs=0.0006)


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-22", "2026-11-22T10:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59Z"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert epoch_s(text) is None
