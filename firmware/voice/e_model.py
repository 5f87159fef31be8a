"""The E-model, ITU-T G.107 (06/2015): from codec, loss and delay to a rating R (0 to 100) and an estimated MOS. Pure.

    R = Ro - Is - Id - Ie,eff + A                                                     (7-1)

Names are the Recommendation's; levels in dB, delays in ms, loss in percent. With its defaults R is 93.2.
"""

from math import exp, log2, log10, sqrt

from firmware.facts import Fact


class Parameters(Fact, frozen=True):
    """Table 2 of G.107 with its defaults.

    `t` is the one-way delay to the echo path, `tr` the one round the 4-wire loop, `ta` the whole one-way delay.
    """

    slr: float = 8.0
    rlr: float = 2.0
    stmr: float = 15.0
    ds: float = 3.0
    dr: float = 3.0
    telr: float = 65.0
    wepl: float = 110.0
    t: float = 0.0
    tr: float = 0.0
    ta: float = 0.0
    qdu: float = 1.0
    ie: float = 0.0
    bpl: float = 4.3
    ppl: float = 0.0
    burst_r: float = 1.0
    nc: float = -70.0
    nfor: float = -64.0
    ps: float = 35.0
    pr: float = 35.0
    advantage: float = 0.0


class Impairment(Fact, frozen=True):
    """A codec's equipment impairment Ie and its robustness against packet loss Bpl."""

    ie: float
    bpl: float


# G.113 (11/2007), Appendix I: G.711 with packet loss concealment. Opus has no figures on this (narrowband) scale: it is
# taken as G.711 with concealment, an assumption of ours; a wideband call then shows at most what a narrowband one can.
G711_CONCEALED = Impairment(ie=0.0, bpl=25.1)
CODECS = {"pcmu": G711_CONCEALED, "pcma": G711_CONCEALED, "opus": G711_CONCEALED}


def _power(*levels: float) -> float:
    """The sum of levels in dB by power."""
    return 10 * log10(sum(10 ** (level / 10) for level in levels))


def noise(p: Parameters) -> float:
    """No, all noise at the 0 dBr point, in dBm0p (7-3 to 7-7)."""
    olr = p.slr + p.rlr
    at_sender = p.ps - p.slr - p.ds - 100 + 0.004 * (p.ps - olr - p.ds - 14) ** 2
    lstr = p.stmr + p.dr
    heard = p.pr + 10 * log10(1 + 10 ** ((10 - lstr) / 10))
    at_receiver = p.rlr - 121 + heard + 0.008 * (heard - 35) ** 2
    return _power(p.nc, at_sender, at_receiver, p.nfor + p.rlr)


def basic_ratio(p: Parameters) -> float:
    """Ro, the signal-to-noise ratio everything is taken from (7-2)."""
    return 15 - 1.5 * (p.slr + noise(p))


def simultaneous(p: Parameters) -> float:
    """Is: too loud, side tone, quantizing (7-8 to 7-17)."""
    xolr = p.slr + p.rlr + 0.2 * (64 + noise(p) - p.rlr)
    too_loud: float = 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8)
    q = 37 - 15 * log10(p.qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (basic_ratio(p) - 100) / 15 + 46 / 8.4 - g / 9
    quantizing = 15 * log10(1 + 10**y + 10 ** (46 / 30 - g / 40))
    return too_loud + side_tone(p) + quantizing


def side_tone(p: Parameters) -> float:
    """Ist: side tone that is not at its best, with the talker's early echo in it (7-10, 7-11)."""
    stmro = -10 * log10(10 ** (-p.stmr / 10) + exp(-p.t / 4) * 10 ** (-p.telr / 10))
    ist: float = (
        12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )
    return ist


def talker_echo(p: Parameters) -> float:
    """Idte (7-19 to 7-24); with little side tone (STMR > 20) the echo is heard all the more."""
    terv = p.telr - 40 * log10((1 + p.t / 10) / (1 + p.t / 150)) + 6 * exp(-0.3 * p.t**2)
    if p.stmr < 9:
        terv += side_tone(p) / 2
    difference = -1.5 * (noise(p) - p.rlr) - (80 + 2.5 * (terv - 14))
    idte = (difference / 2 + sqrt(difference**2 / 4 + 100) - 1) * (1 - exp(-p.t))
    return sqrt(idte**2 + side_tone(p) ** 2) if p.stmr > 20 else idte


def listener_echo(p: Parameters) -> float:
    """Idle (7-25, 7-26)."""
    difference: float = basic_ratio(p) - 10.5 * (p.wepl + 7) * (p.tr + 1) ** -0.25
    return difference / 2 + sqrt(difference**2 / 4 + 169)


def delay(p: Parameters) -> float:
    """Idd, of delay alone: none up to 100 ms (7-27, 7-28)."""
    if p.ta <= 100:
        return 0.0
    x = log2(p.ta / 100)
    idd: float = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return idd


def equipment(p: Parameters) -> float:
    """Ie,eff: codec and lost packets; `burst_r` is 1 for losses that come by chance (7-29)."""
    return p.ie + (95 - p.ie) * p.ppl / (p.ppl / p.burst_r + p.bpl)


def r_factor(p: Parameters) -> float:
    """The transmission rating R (7-1)."""
    delays = talker_echo(p) + listener_echo(p) + delay(p)
    return basic_ratio(p) - simultaneous(p) - delays - equipment(p) + p.advantage


def mos(r: float) -> float:
    """The estimated conversational MOS, 1 to 4.5 (Annex B, B-4)."""
    if r <= 0:
        return 1.0
    return 4.5 if r >= 100 else max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def of_call(codec: str, loss: float, delay_ms: float) -> float | None:
    """R of a call: `loss` a fraction (0 to 1), `delay_ms` mouth to ear. None: a codec not in CODECS.

    The echo is that of G.107's defaults (TELR 65 dB, WEPL 110 dB), which a headset does not exceed.
    """
    impairment = CODECS.get(codec)
    if impairment is None:
        return None
    heard = Parameters(t=delay_ms, tr=2 * delay_ms, ta=delay_ms, ppl=100 * loss, ie=impairment.ie, bpl=impairment.bpl)
    return max(0.0, r_factor(heard))
