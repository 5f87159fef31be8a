"""The reset ladder: what is climbed when, and never faster, oftener or at a worse time than allowed."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.facts import Call, Uplink, Uplinks
from firmware.radio.ladder import DAY_S, Ladder, Limits, Rung, Sight, alone_in_call, refusal, spend, step

LIMITS = Limits(silent_s=30, unregistered_s=180, settle_s=60, per_day=4, power=True)
WELL, SILENT, LOST = (
    Sight(answers=True, registered=True),
    Sight(answers=False),
    Sight(answers=True, registered=False),
)


def climbed(sight: Sight, seconds: int, limits: Limits = LIMITS, every_s: int = 1) -> list[tuple[float, Rung]]:
    """What is climbed, and when, while `sight` stays as it is."""
    ladder, done = Ladder(), list[tuple[float, Rung]]()
    for now in range(0, seconds, every_s):
        ladder, rung = step(ladder, sight, now, limits)
        if rung:
            done.append((now, rung))
    return done


def test_a_silent_modem() -> None:
    assert climbed(SILENT, 300) == [(30, "reconnect"), (90, "reset"), (150, "power cycle"), (270, "reconnect")]


def test_a_modem_that_does_not_register() -> None:
    assert climbed(LOST, 400) == [(180, "airplane mode"), (240, "reset"), (300, "power cycle")]


def test_without_a_switched_port_the_power_is_left_alone() -> None:
    rungs = [rung for _, rung in climbed(SILENT, 1_000, Limits(silent_s=30, settle_s=60, per_day=4))]
    assert rungs[:4] == ["reconnect", "reset", "reconnect", "reset"]


def test_a_well_modem_and_one_that_does_not_say_are_left_alone() -> None:
    assert climbed(WELL, 10_000, every_s=10) == []
    assert climbed(Sight(answers=True, registered=None), 10_000, every_s=10) == []


def test_a_modem_that_answers_again_starts_at_the_bottom() -> None:
    ladder, _ = step(Ladder(sick_since=0, climbed=2, last_at=100), WELL, 200, LIMITS)
    assert (ladder.sick_since, ladder.climbed) == (None, 0)


def test_each_round_waits_twice_as_long() -> None:
    reconnects = [
        at for at, rung in climbed(SILENT, 2_000, Limits(silent_s=30, settle_s=60, per_day=100)) if rung == "reconnect"
    ]
    assert reconnects[:4] == [30, 210, 570, 1290]


def test_what_is_held_back_is_replaced_by_a_reconnect_and_made_good_later() -> None:
    carrying = Sight(answers=False, alone_in_call=True)
    assert {rung for _, rung in climbed(carrying, 2_000)} == {"reconnect"}
    assert climbed(Sight(answers=True, registered=False, alone_in_call=True), 2_000) == []
    ladder = Ladder(sick_since=0, climbed=1, last_at=0)
    assert step(ladder, SILENT, 100, LIMITS)[1] == "reset"


def test_a_message_that_cannot_go_does_not_hold_back_its_own_cure() -> None:
    assert climbed(Sight(answers=False, sending=True), 300) == climbed(SILENT, 300)
    assert climbed(Sight(answers=True, registered=False, sending=True), 400) == climbed(LOST, 400)


def test_refusals_in_words() -> None:
    ladder = Ladder(spent=(0.0, 10.0, 20.0, 100.0))
    assert "only uplink of a call" in refusal(ladder, Sight(answers=True, alone_in_call=True), 200, LIMITS)
    assert "message is being sent" in refusal(ladder, Sight(answers=True, registered=True, sending=True), 200, LIMITS)
    assert refusal(ladder, WELL, 200, LIMITS) == "4 resets in a day are spent"
    assert refusal(Ladder(spent=(100.0,)), WELL, 130, LIMITS) == "the last reset was less than 60 s ago"
    assert refusal(ladder, WELL, DAY_S + 200, LIMITS) == ""
    assert spend(ladder, DAY_S + 15).spent == (20.0, 100.0, DAY_S + 15)


SIGHTS = st.builds(
    Sight,
    answers=st.booleans(),
    registered=st.sampled_from([True, False, None]),
    alone_in_call=st.booleans(),
    sending=st.booleans(),
)


@given(st.lists(st.tuples(st.floats(0, 20_000), SIGHTS), max_size=200), st.booleans())
def test_never_faster_oftener_or_in_a_call_whatever_is_seen(seen: list[tuple[float, Sight]], power: bool) -> None:
    limits = Limits(silent_s=1, unregistered_s=1, settle_s=60, per_day=4, power=power)
    ladder, now, interrupted = Ladder(), 0.0, list[float]()
    for after_s, sight in seen:
        now += after_s
        ladder, rung = step(ladder, sight, now, limits)
        if rung in (None, "reconnect"):
            continue
        assert not sight.alone_in_call
        assert not (sight.answers and sight.registered is not False)
        assert rung != "power cycle" or power
        assert not interrupted or now - interrupted[-1] >= limits.settle_s
        interrupted.append(now)
        assert len([at for at in interrupted if now - at < DAY_S]) <= limits.per_day


@given(st.lists(SIGHTS, max_size=20), st.floats(0, 1e6))
def test_a_sick_modem_is_never_given_up(before: list[Sight], at: float) -> None:
    """Whatever was seen before, a modem that stays silent is reset or power-cycled again once a day has passed."""
    ladder = Ladder()
    for number, sight in enumerate(before):
        ladder, _ = step(ladder, sight, at + number, LIMITS)
    rungs = list[Rung | None]()
    for hour in range(72):
        ladder, rung = step(ladder, SILENT, at + len(before) + 3_600 * (hour + 1), LIMITS)
        rungs.append(rung)
    assert {"reset", "power cycle"} & set(rungs[24:])


def way(kind: str, state: str) -> Uplink:
    return Uplink(name=kind, kind="lte" if kind == "lte" else "ethernet", state=state)  # type: ignore[arg-type]


def test_alone_in_call_holds_unless_it_is_known_not_to() -> None:
    active, idle = Call(state="active"), Call(state="idle")
    alone = Uplinks(uplinks=(way("wired", "down"), way("lte", "up")))
    assert alone_in_call(active, alone, True) and alone_in_call(None, alone, True)
    assert alone_in_call(Call(), alone, None) and alone_in_call(active, None, None)
    assert alone_in_call(active, Uplinks(uplinks=(way("wired", "suspect"), way("lte", "unknown"))), True)
    assert not alone_in_call(idle, alone, True)
    assert not alone_in_call(active, alone, False)
    assert not alone_in_call(active, Uplinks(uplinks=(way("wired", "up"), way("lte", "up"))), True)
    assert not alone_in_call(active, Uplinks(uplinks=(way("wired", "down"), way("lte", "down"))), None)
