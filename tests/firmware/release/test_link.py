"""Whether the link held, and when what it broke is tried again."""

import msgspec

from firmware import facts
from firmware.release.link import Link

WIRED = facts.Uplink(name="wired", kind="ethernet", state="down")
LTE = facts.Uplink(name="lte", kind="lte", state="up")
UP = facts.Uplinks(uplinks=(WIRED, LTE))
DOWN = facts.Uplinks(uplinks=(msgspec.structs.replace(WIRED, state="suspect"),))


def test_a_link_that_was_up_from_beginning_to_end_did_not_break() -> None:
    link = Link(lambda: None)
    link.now(UP)
    link.begin()
    link.now(UP)
    assert not link.broke


def test_a_link_that_was_away_at_any_moment_broke() -> None:
    for away in (DOWN, None, facts.Uplinks()):
        link = Link(lambda: None)
        link.now(UP)
        link.begin()
        link.now(away)
        link.now(UP)
        assert link.broke
        link.begin()
        assert not link.broke


def test_one_that_is_not_known_yet_broke() -> None:
    link = Link(lambda: None)
    link.begin()
    assert link.broke


def test_what_it_broke_is_tried_again_once_when_it_is_back() -> None:
    calls: list[int] = []
    link = Link(lambda: calls.append(1))
    link.now(UP)
    assert not calls
    link.now(None)
    link.wanted()
    assert not calls
    link.now(UP)
    link.now(UP)
    assert len(calls) == 1
    link.wanted()
    assert len(calls) == 2
