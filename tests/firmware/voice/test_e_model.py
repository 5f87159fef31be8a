"""The E-model against G.107's own figures, and what must hold for all of its range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.voice import e_model
from firmware.voice.e_model import Parameters

LOSS = st.floats(0, 1)
DELAY_MS = st.floats(0, 1000)


def test_the_defaults_give_93_2() -> None:
    """G.107, 7.7; 93.206 is what the reference implementation prints for them."""
    assert e_model.r_factor(Parameters()) == pytest.approx(93.206, abs=0.001)


@pytest.mark.parametrize(
    ("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (100, 4.5)]
)
def test_mos_of_r(r: float, mos: float) -> None:
    """G.107, Table B.1 (user satisfaction) and the ends of B-4; the table rounds 4.024 up."""
    assert e_model.mos(r) == pytest.approx(mos, abs=0.0065)


@pytest.mark.parametrize(("loss_percent", "ie_eff"), [(0, 0), (1, 5), (2, 7), (3, 10), (5, 15), (7, 20), (10, 25)])
def test_equipment_impairment_of_concealed_g711(loss_percent: float, ie_eff: float) -> None:
    """G.113, Appendix I gives Ie at a loss for G.711 with concealment, in steps; the formula of G.107 lies within 3."""
    concealed = e_model.CODECS["pcmu"]
    model = e_model.equipment(Parameters(ie=concealed.ie, bpl=concealed.bpl, ppl=loss_percent))
    assert model == pytest.approx(ie_eff, abs=3)


@pytest.mark.parametrize(("ta_ms", "idd"), [(0, 0.0), (100, 0.0), (150, 0.16), (200, 3.04), (400, 24.07)])
def test_delay_alone(ta_ms: float, idd: float) -> None:
    """G.107, 7-27 and 7-28: nothing up to 100 ms; the doubled delays worked by hand (X = 1 and X = 2)."""
    assert e_model.delay(Parameters(ta=ta_ms)) == pytest.approx(idd, abs=0.01)


def test_a_codec_without_figures_is_not_rated() -> None:
    assert e_model.of_call("g723", 0.0, 50.0) is None


def test_bursts_are_worse_than_the_same_loss_by_chance() -> None:
    by_chance = Parameters(ppl=5, bpl=25.1)
    assert e_model.equipment(Parameters(ppl=5, bpl=25.1, burst_r=2)) > e_model.equipment(by_chance)


@given(LOSS, LOSS, DELAY_MS)
def test_more_loss_is_never_better(one: float, other: float, delay_ms: float) -> None:
    less, more = (e_model.of_call("opus", loss, delay_ms) or 0.0 for loss in sorted((one, other)))
    assert less >= more
    assert e_model.mos(less) >= e_model.mos(more) - 1e-9


@given(LOSS, DELAY_MS, DELAY_MS)
def test_more_delay_is_never_better(loss: float, one: float, other: float) -> None:
    """But for the first milliseconds, where echo falls together with side tone and R rises by less than a tenth."""
    sooner, later = (e_model.of_call("pcma", loss, delay_ms) or 0.0 for delay_ms in sorted((one, other)))
    assert sooner >= later - 0.1


@given(st.floats(-50, 150))
def test_mos_stays_within_its_scale(r: float) -> None:
    assert 1.0 <= e_model.mos(r) <= 4.5
