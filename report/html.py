"""The morning report: one self-contained HTML file."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from overnight.campaign import History
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.values.harmless import harmless, harmless_json
from overnight.report.evaluator_versions import versions_sentence
from overnight.report.finding import (
    change_of,
    confidence_sentences,
    finding_sentence,
    spent_sentence,
    standing_sentence,
    where,
)
from overnight.report.numbers import duration, moment, value_text
from overnight.report.pictures.charts import Figure, Pictures, timeline_chart
from overnight.report.pictures.timeline import Span, attempt_spans, utilisation
from overnight.report.selection import MOST, worth_listing
from overnight.report.standstill import standstill
from overnight.report.summary import Summary, summarise
from overnight.report.trial_lines import failed_attempts, trial_lines, without_result

_CHARTED_PARAMETERS = 30
_LONGEST_MESSAGE = 2000


def render_report(
    history: History, recommendation: Recommendation | None, ledger: str, now: datetime, *, alive: bool = True
) -> str:
    """Return the report of what has happened so far as a self-contained HTML page.

    Everything that comes from the campaign is escaped; `ledger` says where the truth lies, `alive` whether the
    controller of a campaign that has not been closed still runs.
    """
    campaign, summary = history.definition, summarise(history, alive=alive)
    until, seconds = _reach(history, summary, now)
    spans = attempt_spans(history, until)
    used = utilisation(spans, campaign.workers, seconds)
    names = list(campaign.parameters.tuned())
    recommended = recommendation and recommendation.trial
    pictures = Pictures(history, recommended)
    figures = _figures(pictures, spans[-MOST:], names[:_CHARTED_PARAMETERS])
    listed, failed, without = worth_listing(history, recommended), failed_attempts(history), without_result(history)
    return _template().render(
        campaign=campaign,
        objective=campaign.objective,
        standing=_standing(history, summary),
        finding=finding_sentence(history, recommendation),
        confidence=confidence_sentences(history, summary, recommendation),
        recommendation=recommendation,
        where=where(recommendation) if recommendation else "",
        configuration=_configuration(history, recommendation),
        as_json=_to_copy(recommendation),
        figures=figures,
        charted=names[:_CHARTED_PARAMETERS],
        uncharted=len(names[_CHARTED_PARAMETERS:]),
        plotly=get_plotlyjs() if figures else "",
        utilisation=None if used is None else f"{used:.0%}".replace("%", " %"),
        pictures=pictures,
        attempts=(len(spans[-MOST:]), len(spans)),
        failed_attempts=[line | {"message": _shortened(line["message"])} for line in failed[-MOST:]],
        failures=len(failed),
        without_result=without[-MOST:],
        withouts=len(without),
        lines=trial_lines(history, listed),
        trials=len(history.trials),
        facts=_facts(history, ledger, now),
    )


def _standing(history: History, summary: Summary) -> str:
    found = standstill(history)
    still = "" if found is None else f"{found}."
    sentences = standing_sentence(summary), spent_sentence(summary, history.definition.budget), still
    return " ".join(sentence for sentence in sentences if sentence)


def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    return environment.from_string(files("overnight.report").joinpath("report.html.jinja").read_text(encoding="utf-8"))


def _shown(value: Any) -> Any:
    """Return what stands in the page: text of others without characters that steer or show as boxes."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shortened(message: str) -> str:
    """Return what of a long message a page shows: its beginning, and how much there is."""
    more = len(message) - _LONGEST_MESSAGE
    return message if more <= 0 else f"{message[:_LONGEST_MESSAGE]} … ({more:,} more characters: overnight explain)"


def _to_copy(found: Recommendation | None) -> Markup:
    """Return the recommended configuration as JSON, whose escapes keep what `harmless` would rewrite."""
    return escape(harmless_json(json.dumps(found.point, indent=2, ensure_ascii=False))) if found else Markup()


def _reach(history: History, summary: Summary, now: datetime) -> tuple[datetime, float]:
    """Return the moment until which anything is known, and the seconds at work until then."""
    last = history.last_time
    if last is None or now <= last or summary.standing.kind != "running":
        return last or now, history.active_seconds
    return now, history.active_seconds + (now - last).total_seconds()


def _figures(pictures: Pictures, spans: list[Span], names: list[str]) -> dict[str, str]:
    """Return the charts as JSON by the id of their place in the page."""
    figures: dict[str, Figure] = {}
    if pictures.drawn:
        figures["course"] = pictures.course()
    if pictures.drawn or pictures.without:
        figures |= {f"parameter-{i}": pictures.parameter(name) for i, name in enumerate(names)}
    if spans:
        figures["timeline"] = timeline_chart(spans, spans[0].began)
    return {place: _embedded(figure) for place, figure in figures.items()}


def _embedded(figure: Figure) -> str:
    """Return the figure as JSON in which nothing can end or open a script element."""
    text = json.dumps(figure, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return harmless_json(text).replace("<", "\\u003c")


def _configuration(history: History, found: Recommendation | None) -> list[dict[str, Any]]:
    """Return the recommended values beside the baseline's."""
    campaign = history.definition
    if found is None:
        return []
    baseline = campaign.parameters.point(campaign.baseline) if campaign.baseline is not None else None
    lines = []
    for name, parameter in campaign.parameters.items():
        line: dict[str, Any] = {"name": name, "unit": parameter.unit, "description": parameter.description}
        line |= {"recommended": value_text(found.point[name]), "baseline": "", "changed": False, "change": ""}
        if baseline is not None:
            line["baseline"] = value_text(baseline[name])
            line["changed"] = baseline[name] != found.point[name]
            line["change"] = change_of(baseline[name], found.point[name], logarithmic=parameter.is_logarithmic)
        lines.append(line)
    return lines


def _facts(history: History, ledger: str, now: datetime) -> dict[str, str]:
    """Return where the report comes from, and what it would take to make it again."""
    assert history.defined is not None
    provenances = [t.proposal.provenance for t in history.trials.values() if t.proposal.provenance is not None]
    facts = {
        "Ledger": ledger,
        "Campaign": f"{history.defined.uid}, defined {moment(history.defined.time, UTC)}",
        "Events that count": str(history.events),
        "Seed": str(history.definition.seed),
        "Time at work": duration(history.active_seconds),
    }
    if (versions := versions_sentence(history)) is not None:
        facts["Evaluator"] = f"{versions[0].upper()}{versions[1:]}."
    libraries = _distinct(f"{name} {version}" for p in provenances for name, version in p.stack.libraries.items())
    commits = _distinct(p.asked.commit for p in provenances if p.asked.commit is not None)
    if libraries:
        facts["Proposed with"] = libraries
    if commits:
        facts["Commit"] = commits
    return facts | _proposal_seconds(provenances) | {"This report": f"made {moment(now, UTC)}"}


def _proposal_seconds(provenances: Iterable[Provenance]) -> dict[str, str]:
    times = sorted(p.asked.seconds for p in provenances if p.asked.seconds is not None)
    return {"A proposal took": f"{duration(times[len(times) // 2])} (median)"} if times else {}


def _distinct(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
