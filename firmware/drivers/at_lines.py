"""The AT dialogue, pure: bytes in, lines out; a command and the lines that come in, what to type and how it ended.

ITU-T V.250 (lines, echo, result codes), 3GPP TS 27.007 (+CME ERROR), 3GPP TS 27.005 (`> ` prompt, +CMS ERROR).
A final OK counts only after the information response its command asks for, so an answer that comes late, after its
command was given up, is never taken for the next one's.
"""

import re
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

LONGEST_LINE = 1_024
CTRL_Z, ESC = b"\x1a", b"\x1b"
_FAILED = re.compile(r"ERROR$|\+CM[ES] ERROR: ?(.*)$")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class Command(Struct, frozen=True):
    """One command line. `answer` is what its information response starts with (a pattern; empty: there is none),
    `within_s` how long it may take, `body` what is typed at the `> ` prompt, which must come within `prompt_s`."""

    text: str
    answer: str = ""
    within_s: float = 2.0
    body: str = ""
    prompt_s: float = 0.0


class Exchange(Struct, frozen=True):
    """A command on its way: what came so far, and how it ended (empty: not yet)."""

    command: Command
    lines: tuple[str, ...] = ()
    typed: bool = False
    final: Literal["", "ok", "error"] = ""
    error: str = ""


class Step(NamedTuple):
    """What a line did: the exchange now, the bytes to write, and the line itself where nobody had asked for it."""

    exchange: Exchange
    write: bytes = b""
    unsolicited: str = ""


def split(rest: bytes, more: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The bytes kept for later, and every whole line (the prompt is the line `>`), without what no modem sends."""
    *whole, rest = re.split(rb"[\r\n]+", rest + more)
    lines = [_text(line) for line in whole]
    if rest.lstrip(b"\0") == b"> ":
        lines, rest = [*lines, ">"], b""
    return rest[-LONGEST_LINE:], tuple(line for line in lines if line)


def _text(line: bytes) -> str:
    return _UNPRINTABLE.sub("", line.decode("latin-1")).strip()


def typed(command: Command) -> bytes:
    return command.text.encode("ascii") + b"\r"


def within_s(exchange: Exchange) -> float:
    """How long after its start the exchange may still wait as it stands."""
    waits_for_prompt = exchange.command.body and exchange.command.prompt_s and not exchange.typed
    return exchange.command.prompt_s if waits_for_prompt else exchange.command.within_s


def take(exchange: Exchange, line: str) -> Step:
    """One line that came while `exchange` waits for its end."""
    if line == ">":
        return _prompted(exchange)
    if line.startswith("> ") or line == exchange.command.text:
        return Step(exchange)  # the echo of what was typed
    if failed := _FAILED.match(line):
        return Step(replace(exchange, final="error", error=failed.group(0)))
    if line == "OK":
        return Step(replace(exchange, final="ok") if _answered(exchange) else exchange)
    if exchange.command.answer and re.match(exchange.command.answer, line):
        return Step(replace(exchange, lines=(*exchange.lines, line)))
    return Step(exchange, unsolicited=line)


def _prompted(exchange: Exchange) -> Step:
    """The prompt gets the body once; a prompt that no command asked for is left by ESC."""
    if not exchange.command.body or exchange.typed:
        return Step(exchange, write=ESC)
    return Step(replace(exchange, typed=True), write=exchange.command.body.encode("ascii") + CTRL_Z)


def _answered(exchange: Exchange) -> bool:
    return bool(exchange.lines) or not exchange.command.answer
