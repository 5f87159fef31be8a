"""The page and its plots: well formed, whole, nothing fetched, no peak lost, and every axis holds what it shows."""

import json
import math
from html.parser import HTMLParser
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from firmware.config import Site
from hdu.survey import plot, report
from hdu.survey.record import Recording
from hdu.survey.sampling import Begin, Event
from hdu.survey.verdicts import judge
from tests.hdu.survey.home import BEGAN, LENGTH_S, home

SITE = Site()
value = st.none() | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


def surveyed(unit: str = "hdu-0117") -> Recording:
    begin, *rest = home()
    assert isinstance(begin, Begin)
    begin = replace(begin, unit=unit)
    rest.append(Event(at=BEGAN + LENGTH_S, what="hub", now="no"))
    return Recording(begin, (begin, *rest), 0)


class Page(HTMLParser):
    """What is open, and everything a page may fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.fetched, self.words = list[str](), list[str](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(found) for name, found in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "path", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "line", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_is_whole_and_fetches_nothing() -> None:
    recording = surveyed()
    verdict = judge(recording, SITE)
    text = report.page(recording, verdict, SITE)
    page = Page(text)
    assert (page.open, page.fetched) == ([], [])
    assert "script" not in text and "http:" not in text and "https:" not in text
    assert all(each.measured in page.words and each.source in page.words for each in verdict.findings)
    assert "3 min" in page.words and "no mains" in page.words and "Signed off" in page.words


def test_nothing_of_the_survey_is_taken_for_html() -> None:
    recording = surveyed("<script>alert(1)</script>")
    assert "<script" not in report.page(recording, judge(recording, SITE), SITE)


def test_the_document_says_what_the_page_says() -> None:
    recording = surveyed()
    verdict = judge(recording, SITE)
    found = json.loads(report.document(recording, verdict))
    assert (found["unit"], found["verdict"]) == ("hdu-0117", verdict.whole)
    assert [each["outcome"] for each in found["findings"]] == [each.outcome for each in verdict.findings]
    assert {each["what"] for each in found["outages"]} == {"wired", "mains", "hub"}


@given(st.lists(value, max_size=400), value)
def test_a_plot_is_well_formed_and_holds_every_value(values: list[float | None], bound: float | None) -> None:
    points = [(float(at), each) for at, each in enumerate(values)]
    chart = plot.Chart("a & b", "ms", 0.0, float(len(points)), [plot.Series("<x>", "one", points)], bound, "<bound>")
    low, high, step = plot.limits(chart)
    known = [each for each in (*values, bound) if each is not None]
    slack = step * 1e-6
    assert step > 0 and all(low - slack <= each <= high + slack for each in known)
    svg = ElementTree.fromstring(plot.drawn(chart))
    assert "nan" not in plot.drawn(chart) and len(svg.findall("path")) == 1


@given(st.lists(st.tuples(st.floats(0, 1_000), value), min_size=1, max_size=200), st.integers(1, 20))
def test_thinning_loses_no_peak(points: list[tuple[float, float | None]], columns: int) -> None:
    points = sorted(points, key=lambda point: point[0])
    thin = plot.thinned(points, 0.0, 1_000.0, columns)
    known = [each for _, each in points if each is not None]
    kept = [each for _, each in thin if each is not None]
    assert (max(known), min(known)) == (max(kept), min(kept)) if known else kept == []
    assert len(thin) <= max(columns, 2 * (columns + 1))


@given(st.floats(1e-6, 1e9), st.integers(1, 10))
def test_a_step_is_round_and_enough(span: float, parts: int) -> None:
    step = plot.nice_step(span, parts)
    assert span / step <= parts * (1 + 1e-6)
    digit = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(digit - each) for each in (1, 2, 5, 10)) < 1e-6


@given(st.floats(1e9, 2e9), st.floats(0.1, 300_000))
def test_the_time_axis_has_at_most_a_few_words(began: float, length_s: float) -> None:
    moments = plot.moments(began, began + length_s)
    assert len(moments) <= 9
    assert all(began <= at <= began + length_s for at, _ in moments)
