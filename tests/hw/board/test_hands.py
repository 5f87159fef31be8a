"""What a person types at the board is done to the twins; no machine runs here."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.configfile import load
from hw.board.board import USB, Board
from hw.board.cables import UPLINKS
from hw.board.hands import DOES, WORDS, Hands, lamps


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with Board(tmp_path, USB) as board:
        yield board


class Person:
    def __init__(self, board: Board) -> None:
        self.there, here = os.pipe()
        self.keys, self.said = os.fdopen(here, "w"), list[str]()
        self.hands = Hands(board, self.there, self.said.append)

    def types(self, text: str) -> bool:
        self.keys.write(text)
        self.keys.flush()
        return self.hands.turn()


@pytest.fixture
def person(board: Board) -> Iterator[Person]:
    person = Person(board)
    yield person
    person.keys.close()
    os.close(person.there)


def test_press_is_a_finger_that_goes_away_again(board: Board, person: Person) -> None:
    assert person.types("press panic\n")
    assert time.time() - board.state("panel")["moved_at"] < 5
    assert board.state("panel")["buttons"]["panic"] == "released"


def test_hold_stays_until_it_is_let_go_and_half_a_line_waits_for_its_end(board: Board, person: Person) -> None:
    person.types("Hold  assi")
    assert board.state("panel")["buttons"]["assist"] == "released"
    person.types("st\n")
    assert board.state("panel")["buttons"]["assist"] == "pressed"
    person.types("let go assist\n")
    assert board.state("panel")["buttons"]["assist"] == "released"


def test_the_other_twins_are_reached(board: Board, person: Person) -> None:
    person.types("mains off\nmodem lost\n")
    assert (board.state("ups")["mains"], board.state("modem")["registered"]) == (False, False)
    person.types("mains on\nmodem found\n")
    person.types("speak\npull headset\n")
    assert (board.state("headset")["speaking"], board.state("headset")["plugged"]) == (True, False)
    person.types("press headset\n")
    assert "plug it in first" in person.said[-1]
    person.types("be quiet\nplug headset\n")
    assert (board.state("headset")["speaking"], board.state("headset")["plugged"]) == (False, True)
    assert (board.state("ups")["mains"], board.state("modem")["registered"]) == (True, True)


def test_what_cannot_be_done_is_said_and_the_hands_go_on(person: Person) -> None:
    assert person.types("pull wired\n")
    assert "no machine runs" in person.said[-1]
    assert person.types("kick it\n")
    assert person.said[-1].startswith("'kick it' is none")
    assert person.types("help\n")
    assert person.said[-1] == WORDS


def test_end_ends_and_an_ended_input_does_not(person: Person) -> None:
    assert not person.types("end\n")
    person.keys.close()
    assert person.hands.turn()
    assert person.hands.turn()


def test_lamps_are_told_once_and_again_when_asked(person: Person) -> None:
    person.types("")
    person.types("")
    assert person.said == ["lamps: PANIC off, MUTE off (live), SAFE off"]
    person.types("look\n")
    assert len(person.said) == 2
    assert lamps({"panic": "fast"}) == "lamps: PANIC fast (the alert is on disk)"


def test_every_word_that_is_told_is_known() -> None:
    for told in ("press panic", "hold panic", "let go panic", "pull wired", "plug wired", "mains on", "modem found"):
        assert told in WORDS
        assert told in DOES
    assert {f"pull {uplink}" for uplink in UPLINKS} <= set(DOES)


def test_the_identity_that_comes_with_the_board_is_right() -> None:
    config, faults = load(Path(__file__).parents[3] / "hw/board/identity")
    assert faults == ()
    assert tuple(each.name for each in config.unit.uplinks) == UPLINKS
