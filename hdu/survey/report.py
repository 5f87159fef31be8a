"""The survey as one page of HTML (nothing is fetched, it prints on A4 and Letter) and as JSON. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

import msgspec

from firmware.config import Site
from hdu.survey.charts import charts
from hdu.survey.plot import Chart, drawn
from hdu.survey.record import Recording, spans
from hdu.survey.sampling import Resume
from hdu.survey.verdicts import STAR, Finding, Outcome, Verdict, Whole, lasting

PAGE = Path(__file__).parent / "page.html"
MOST_OUTAGES = 40
WORDS: dict[Whole, tuple[str, str]] = {
    "fit": ("Fit for dispatching", "Every requirement was measured and is met."),
    "fit with conditions": (
        "Fit, with conditions",
        "Calls can be taken from here; the conditions below are to be kept.",
    ),
    "not fit": ("Not fit for dispatching", "At least one requirement is not met."),
    "not shown": (
        "Not shown to be fit",
        "At least one requirement could not be measured; nothing measured speaks against.",
    ),
}
MARK: dict[Outcome, tuple[str, str]] = {
    "met": ("✓", "met"),
    "condition": ("!", "condition"),
    "not met": ("✕", "not met"),
    "not shown": ("?", "not shown"),
}


def clock(at: float, form: str = "%-d %B %Y, %H:%M") -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


def page(recording: Recording, verdict: Verdict, site: Site) -> str:
    """The whole document."""
    title, sentence = WORDS[verdict.whole]
    begin, ended = recording.begin, max(each.at for each in recording.entries)
    resumed = sum(isinstance(each, Resume) for each in recording.entries)
    return Template(PAGE.read_text()).substitute(
        unit=escape(begin.unit),
        version=escape(begin.version),
        began=clock(begin.at),
        ended=clock(ended),
        measured=lasting(recording.measured_s),
        asked=lasting(begin.length_s),
        resumed=f", interrupted {resumed} time{'s' * (resumed != 1)}" if resumed else "",
        kind=verdict.whole.replace(" ", "-"),
        title=title,
        sentence=sentence,
        against="".join(_against(verdict)),
        rows="".join(_rows(verdict)),
        star=STAR,
        notes="".join(_notes(verdict)),
        plots="".join(figure(each) for each in charts(recording, site)),
        outages=outages(recording),
        sources="".join(f"<li>{escape(each)}</li>" for each in sources(verdict)),
    )


def sources(verdict: Verdict) -> list[str]:
    """Each once, in the order of the lines; a line refers to its place."""
    return list(dict.fromkeys(each.source for each in verdict.findings))


def _against(verdict: Verdict) -> Iterator[str]:
    """What speaks against, the worst first; conditions are only counted where something is worse."""
    grave = [each for outcome in ("not met", "not shown") for each in verdict.findings if each.outcome == outcome]
    conditions = [each for each in verdict.findings if each.outcome == "condition"]
    for each in grave or conditions:
        words = f"<b>{escape(each.subject)}</b>, {escape(each.what.rstrip(' *'))}: {escape(each.measured)}"
        yield f'<li class="{each.outcome.replace(" ", "-")}">{words} <span>({escape(each.required)})</span></li>'
    if grave and conditions:
        yield f"<li>{len(conditions)} condition{'s' * (len(conditions) != 1)}, marked in the table below</li>"


def _rows(verdict: Verdict) -> Iterator[str]:
    last, places = "", {source: place for place, source in enumerate(sources(verdict), 1)}
    for each in verdict.findings:
        yield _row(each, each.subject != last, places[each.source])
        last = each.subject


def _row(of: Finding, first: bool, source: int) -> str:
    mark, words = MARK[of.outcome]
    return (
        f'<tr class="{"first" if first else ""}"><th>{escape(of.subject) if first else ""}</th>'
        f"<td>{escape(of.what)}</td><td>{escape(of.measured)}</td><td>{escape(of.required)} <sup>{source}</sup></td>"
        f'<td class="outcome {of.outcome.replace(" ", "-")}"><i>{mark}</i> {words}</td></tr>'
    )


def _notes(verdict: Verdict) -> Iterator[str]:
    """How the lines were measured, each note once."""
    for note in dict.fromkeys(each.note for each in verdict.findings if each.note):
        whose = next(each for each in verdict.findings if each.note == note)
        yield f"<li>{escape(whose.what.rstrip(' *'))}: {escape(note)}</li>"


def figure(chart: Chart) -> str:
    named = [each for each in chart.series if each.name]
    key = "".join(f'<span class="key"><i class="{each.style}"></i>{escape(each.name)}</span>' for each in named)
    return (
        f"<figure><figcaption><b>{escape(chart.title)}</b> <em>{escape(chart.unit)}</em>{key}</figcaption>"
        f"{drawn(chart)}</figure>"
    )


def outages(recording: Recording) -> str:
    """What was down, when and for how long; the hub and mains too."""
    names = {"no": "centre out of reach", "down": "down", "battery": "no mains"}
    found = [each for each in spans(recording.entries) if each.state in names]
    if not found:
        return "<p>Nothing went down while it was measured.</p>"
    rows = "".join(
        f"<tr><td>{clock(each.began, '%-d %b %H:%M:%S')}</td><th>{escape(each.what)}</th><td>{names[each.state]}</td>"
        f"<td>{lasting(each.length_s)}{'' if each.ended else ' or more'}</td></tr>"
        for each in found[:MOST_OUTAGES]
    )
    more = f"<p>and {len(found) - MOST_OUTAGES} more.</p>" if len(found) > MOST_OUTAGES else ""
    return f'<table class="outages"><tr><td>from (UTC)</td><td>what</td><td></td><td>for</td></tr>{rows}</table>{more}'


def document(recording: Recording, verdict: Verdict) -> bytes:
    """The same as JSON, without the samples: those are in the survey's own file."""
    out = [each for each in spans(recording.entries) if each.state in ("no", "down", "battery")]
    found = {
        "unit": recording.begin.unit,
        "version": recording.begin.version,
        "began": clock(recording.begin.at, "%Y-%m-%dT%H:%M:%SZ"),
        "ended": clock(max(each.at for each in recording.entries), "%Y-%m-%dT%H:%M:%SZ"),
        "measured_s": round(recording.measured_s, 1),
        "asked_s": recording.begin.length_s,
        "verdict": verdict.whole,
        "findings": verdict.findings,
        "outages": out,
    }
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
