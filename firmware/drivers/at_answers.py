"""What an answer of the modem means, pure: registration, operator, signal, SIM, temperature, and error codes in words.

None (or an empty name) where the answer does not say. 3GPP TS 27.007: +CREG 7.2, +COPS 7.3, +CPIN 8.3, +CSQ 8.5,
+CESQ 8.69, +CEREG 10.1.22, errors 9.2. 3GPP TS 27.005 clause 3.2.5: message service failures.
"""

import re
from collections.abc import Sequence

from firmware.drivers.at_lines import Command

CPIN = Command("AT+CPIN?", r"\+CPIN: ")
CREG = Command("AT+CREG?", r"\+CREG: ?\d+, ?\d+(,|$)")
CEREG = Command("AT+CEREG?", r"\+CEREG: ?\d+, ?\d+(,|$)")
COPS = Command("AT+COPS?", r"\+COPS: ")
CSQ = Command("AT+CSQ", r"\+CSQ: ")
CESQ = Command("AT+CESQ", r"\+CESQ: ")
CFUN = Command("AT+CFUN?", r"\+CFUN: ")
CARD = tuple(
    Command(text, r"([+^][A-Z]*CCID: ?)?\"?89\d{17}") for text in ("AT+CCID", "AT+QCCID", "AT+CICCID", "AT^ICCID?")
)
TEMPERATURE = {
    "quectel": Command("AT+QTEMP", r"\+QTEMP: ?"),
    "simcom": Command("AT+CPMUTEMP", r"\+CPMUTEMP: "),
    "huawei": Command("AT^CHIPTEMP?", r"\^CHIPTEMP: ?"),
}
RADIO_ON, RADIO_OFF = Command("AT+CFUN=1", "", 15.0), Command("AT+CFUN=4", "", 15.0)
RESTART = Command("AT+CFUN=1,1", "", 5.0)
REGISTRATION_CHANGED = re.compile(r"\+CE?G?REG: ?\d+(,\"|$)")

HOME, ROAMING = frozenset({1, 9}), frozenset({5, 10})
_STAT_UNKNOWN = 4
SIM_WORDS = {"READY": "ready", "SIM PIN": "needs its PIN", "SIM PUK": "needs its PUK"}
SIM_ABSENT = 10

CME = {
    0: "phone failure", 3: "operation not allowed", 4: "operation not supported", SIM_ABSENT: "SIM not inserted",
    11: "SIM needs its PIN", 12: "SIM needs its PUK", 13: "SIM failure", 14: "SIM busy", 15: "SIM wrong",
    16: "wrong PIN", 30: "no network service", 31: "network time-out", 32: "emergency calls only",
    50: "wrong parameters", 100: "unknown", 103: "illegal mobile station", 106: "illegal equipment",
    107: "service not allowed", 111: "network not allowed", 112: "location area not allowed",
    113: "roaming not allowed here",
}  # fmt: skip
CMS = {
    1: "number not assigned", 8: "barred by the operator", 10: "call barred", 21: "rejected",
    27: "destination out of service", 28: "subscriber not identified", 30: "subscriber unknown",
    38: "network out of order", 41: "temporary failure", 42: "congestion", 47: "no resources",
    50: "facility not subscribed", 69: "facility not implemented", 300: "equipment failure",
    301: "message service reserved", 302: "operation not allowed", 303: "operation not supported",
    304: "wrong PDU parameter", 305: "wrong text parameter", 310: "SIM not inserted", 311: "SIM needs its PIN",
    313: "SIM failure", 314: "SIM busy", 316: "SIM needs its PUK", 320: "memory failure", 322: "memory full",
    330: "service centre unknown", 331: "no network service", 332: "network time-out", 500: "unknown",
}  # fmt: skip
CMS_PASSING = frozenset({38, 41, 42, 47, 300, 301, 302, 314, 331, 332, 500})  # another try may succeed


def error_words(error: str) -> str:
    """`+CMS ERROR: 331` -> `no network service (+CMS ERROR 331)`; a code or text that is not known stays as it is."""
    kind, code = _error(error)
    words = {"CME": CME, "CMS": CMS}.get(kind, {}).get(code)
    return f"{words} (+{kind} ERROR {code})" if words else error or "ERROR"


def passing(error: str) -> bool:
    """Whether a message refused with `error` may be taken on another try."""
    kind, code = _error(error)
    return kind != "CMS" or code in CMS_PASSING


def _error(error: str) -> tuple[str, int]:
    found = re.match(r"\+(CM[ES]) ERROR: ?(\d+)", error)
    return (found.group(1), int(found.group(2))) if found else ("", -1)


def _numbers(lines: Sequence[str]) -> list[int]:
    """The integers of the last line's fields; -1 for a field that is none."""
    fields = lines[-1].partition(":")[2].split(",") if lines else []
    return [int(field) if re.fullmatch(r"-?\d{1,6}", field := each.strip(' "')) else -1 for each in fields]


def _numbered(lines: Sequence[str], index: int) -> int:
    numbers = _numbers(lines)
    return numbers[index] if len(numbers) > index else -1


def stat(lines: Sequence[str]) -> int | None:
    """<stat> of +CREG? or +CEREG?; None where there is none or it says unknown."""
    value = _numbered(lines, 1)
    return None if value in (-1, _STAT_UNKNOWN) else value


def registration(stats: Sequence[int | None]) -> tuple[bool | None, bool | None]:
    """Registered and roaming from every <stat> known: one network that has us is enough."""
    known = {each for each in stats if each is not None}
    registered = bool(known & (HOME | ROAMING)) if known else None
    return registered, (not known & HOME if registered else None)


def operator(lines: Sequence[str]) -> str:
    found = re.search(r'"([^"]*)"', lines[-1]) if lines else None
    return found.group(1).strip() if found else ""


def signal_dbm(lines: Sequence[str]) -> int | None:
    """+CSQ: <rssi> 0 to 31 is -113 to -51 dBm in steps of two, the ends meaning `or beyond`; 99 is unknown."""
    rssi = _numbered(lines, 0)
    return -113 + 2 * rssi if 0 <= rssi <= 31 else None


def rsrp_dbm(lines: Sequence[str]) -> int | None:
    """+CESQ, sixth field: <rsrp> 1 to 97 is the lower edge -140 to -44 dBm, 0 below that; 255 is unknown."""
    rsrp = _numbered(lines, 5)
    return -141 + rsrp if 0 <= rsrp <= 97 else None


def sim(lines: Sequence[str]) -> str:
    state = lines[-1].partition(":")[2].strip() if lines else ""
    return SIM_WORDS.get(state, state.lower())


def iccid(lines: Sequence[str]) -> str:
    """The card's number (ITU-T E.118), without the F that fills the last half byte (3GPP TS 31.102, 4.2.69)."""
    found = re.search(r"89\d{17,18}", lines[-1]) if lines else None
    return found.group() if found else ""


def functional(lines: Sequence[str]) -> bool | None:
    """+CFUN?: whether the radio is on (1); None where it does not say."""
    level = _numbered(lines, 0)
    return None if level == -1 else level == 1


def temperature_c(lines: Sequence[str], vendor: str) -> float | None:
    """The warmest sensor; Huawei gives tenths of a degree and 65535 for none."""
    scale = 10 if vendor == "huawei" else 1
    found = [int(each) / scale for line in lines for each in re.findall(r"-?\d+", line.partition(":")[2])]
    return max((each for each in found if -60 <= each <= 150), default=None)
