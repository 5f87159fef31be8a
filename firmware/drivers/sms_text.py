"""A short message as every modem takes it in text mode: one message, GSM 7-bit, plain characters (3GPP TS 23.038).

Only characters that are both ASCII and GSM 7-bit are typed (+CSCS="IRA"), so no modem's idea of a character set can
spoil the text; accents are dropped and anything else becomes `?`.
"""

import re
import unicodedata

SEPTETS = 160  # 3GPP TS 23.040: 140 octets of user data
END = " ..."
_TWO_SEPTETS = frozenset("^{}\\[~]|")  # the extension table, TS 23.038 6.2.1.1
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


def number_fault(to: str) -> str:
    """Why `to` is no number to send to (ITU-T E.164, international form); empty where it is one."""
    return "" if _NUMBER.fullmatch(to) else f"sms: {to!r} is not a number like +15551234567; correct it in site.toml"


def septets(text: str) -> int:
    return sum(2 if each in _TWO_SEPTETS else 1 for each in text)


def plain(text: str) -> str:
    """`text` in characters that are ASCII and GSM 7-bit; line breaks and controls become spaces."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(_plain(each) for each in letters if not unicodedata.combining(each))


def _plain(letter: str) -> str:
    if letter.isspace() or ord(letter) < 0x20:
        return " "
    return letter if ord(letter) < 0x7F and letter != "`" else "?"


def one_message(text: str) -> str:
    """`text` made plain and, where it is longer than one message, cut so that it ends in ` ...`."""
    text = plain(text)
    if septets(text) <= SEPTETS:
        return text
    while septets(text) > SEPTETS - len(END):
        text = text[:-1]
    return text.rstrip() + END
