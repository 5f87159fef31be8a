"""The dispatcher's card, A5: every lamp as it looks, and what to do, in plain words.

A lamp that blinks is drawn with its two seconds beside it, from the same table that blinks it (firmware.buttons.lamps).
"""

from firmware.buttons.lamps import FLASHES
from firmware.facts import Pattern
from hdu.provision.identity import Provisioned
from hdu.provision.paper import AMBER, GREEN, INK, LINE, QUIET, RED, Colour, Paper

WIDTH, HEIGHT, EDGE = 148.0, 210.0, 11.0
INNER = WIDTH - 2 * EDGE
LAMP, STRIP, STRIP_S, ROW = 4.8, 14.0, 2.0, 7.4
NAMES, WORDS = 27.0, 46.0
Row = tuple[Pattern, Colour, str, str]

SAFE: tuple[Row, ...] = (
    ("on", GREEN, "Green", "Everything works. You can take calls."),
    ("on", AMBER, "Amber", "You can take calls; a spare is missing. See the screen."),
    ("on", RED, "Red", "Take no calls. Do what the screen says, or ring us."),
)
MUTE: tuple[Row, ...] = (
    ("off", RED, "Dark", "Your microphone is live. You can be heard."),
    ("on", RED, "Lit", "Nobody can hear you. This was measured."),
    ("double", RED, "Two flashes", "Not sure. Speak as if you were heard, and ring us."),
)
PANIC: tuple[Row, ...] = (
    ("fast", RED, "Quick", "Your press is taken and is being sent. Once is enough."),
    ("slow", RED, "Slow", "The centre has it. A person is being called."),
    ("on", RED, "Lit", "A person has answered. Help is coming."),
    ("double", RED, "Two flashes", "The button is faulty. In danger, use a telephone."),
)
BUTTONS = (
    ("PANIC", "Press once in danger. It works without a call and without mains."),
    ("MUTE", "Press to be silent, press again to speak. Believe the lamp."),
    ("ASSIST", "Press: a supervisor is called. Hold two seconds: you are not well."),
    ("ASSIST + MUTE", "Hold both for five seconds: the unit tests itself."),
)
WRONG = (
    ("No mains power", "Go on. The battery carries you; the screen says how long."),
    ("No network", "Go on. The unit changes lines by itself, even in a call."),
    ("Anything else", "Unplug the headset and plug it in again. Then ring us."),
)


def card(told: Provisioned) -> bytes:
    """One page of PDF."""
    paper = Paper(WIDTH, HEIGHT, f"Card {told.answers.unit}")
    paper.words(EDGE, 10, "Your dispatch unit", 19, bold=True)
    paper.line_of(EDGE, 19.2, f"{told.agency}   |   {told.answers.unit}", 8.5, INNER)
    y = 27.0
    for title, rows in (("The SAFE lamp", SAFE), ("The MUTE lamp", MUTE), ("The PANIC lamp", PANIC)):
        y = _lamps(paper, y, title, rows)
    y = _list(paper, y, "The buttons", BUTTONS)
    _list(paper, y, "If something is wrong", WRONG)
    _help(paper, told)
    return paper.content()


def _lamps(paper: Paper, y: float, title: str, rows: tuple[Row, ...]) -> float:
    y = _title(paper, y, title)
    for pattern, colour, name, words in rows:
        paper.lamp(EDGE + 1, y, LAMP, None if pattern == "off" else colour, blink=pattern not in ("on", "off"))
        _strip(paper, EDGE + 10, y + LAMP / 2, pattern, colour)
        paper.words(EDGE + NAMES, y + 0.6, name, 8.5, bold=True)
        paper.words(EDGE + WORDS, y + 0.6, words, 8.5, width=INNER - WORDS)
        y += ROW
    return y + 1.6


def _strip(paper: Paper, x: float, y: float, pattern: Pattern, colour: Colour) -> None:
    """Two seconds of the lamp, lit where it is coloured; a steady lamp needs none."""
    if pattern in ("on", "off"):
        return
    period_s, flashes = FLASHES[pattern]
    paper.set_fill_color(*LINE)
    paper.rect(x, y - 0.35, STRIP, 0.7, style="F")
    paper.set_fill_color(*colour)
    for cycle in range(round(STRIP_S / period_s)):
        for start_s, end_s in flashes:
            begin = x + (cycle * period_s + start_s) / STRIP_S * STRIP
            paper.rect(begin, y - 1.1, (end_s - start_s) / STRIP_S * STRIP, 2.2, style="F")


def _list(paper: Paper, y: float, title: str, rows: tuple[tuple[str, str], ...]) -> float:
    y = _title(paper, y, title)
    for name, words in rows:
        paper.words(EDGE + 1, y, name, 8.5, bold=True)
        y = paper.words(EDGE + NAMES, y, words, 8.5, width=INNER - NAMES) + 1.1
    return y + 2.6


def _title(paper: Paper, y: float, title: str) -> float:
    paper.words(EDGE, y, title, 10, bold=True, colour=INK)
    paper.rule(EDGE, y + 5.6, INNER)
    return y + 7.4


def _help(paper: Paper, told: Provisioned) -> None:
    paper.panel(EDGE, HEIGHT - 25, INNER, 15)
    paper.words(EDGE + 5, HEIGHT - 22.4, "Help, at any hour", 8.5, colour=QUIET)
    paper.line_of(EDGE + 5, HEIGHT - 18.2, told.helpline, 14, 76, bold=True)
    paper.words(EDGE + 84, HEIGHT - 22.4, "Say this name", 8.5, colour=QUIET)
    paper.line_of(EDGE + 84, HEIGHT - 18.2, told.answers.unit, 14, 38, bold=True)
