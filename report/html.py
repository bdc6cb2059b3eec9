"""The morning report: one HTML file that needs nothing but itself."""

import json
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from plotly.offline import get_plotlyjs

from campaign import History
from campaign.duration import format_duration
from campaign.recommendation import Recommendation
from campaign.space import Value
from campaign.trial import Attempt, Failure
from report.charts import course_chart, parameters_chart, timeline_chart
from report.numbers import moment, probability, value_text, with_uncertainty
from report.summary import Summary, summarise
from report.tables import trial_rows
from report.timeline import attempt_spans, utilisation


def render_report(history: History, recommendation: Recommendation | None, ledger: str, now: datetime) -> str:
    """Return the report of what has happened so far as a self-contained HTML page.

    Everything that comes from the campaign is escaped; `ledger` says where the truth lies.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("report").joinpath("report.html.jinja").read_text())
    campaign, summary = history.definition, summarise(history)
    anything = summary.observed > 0
    spans = attempt_spans(history, until=now)
    used = utilisation(spans, campaign.workers, history.active_seconds)
    return template.render(
        campaign=campaign,
        objective=campaign.objective,
        summary=summary,
        standing=_standing(summary),
        finding=_finding(history, recommendation),
        recommendation=recommendation,
        confidence=_confidence(recommendation),
        configuration=_configuration(history, recommendation),
        as_json=json.dumps(recommendation.point, indent=2, ensure_ascii=False) if recommendation else "",
        charts={
            "course": _embedded(course_chart(history)) if anything else None,
            "parameters": _embedded(parameters_chart(history, recommendation and recommendation.trial))
            if anything
            else None,
            "timeline": _embedded(timeline_chart(spans, spans[0].began)) if spans else None,
        },
        plotly=get_plotlyjs() if spans else "",
        utilisation=None if used is None else f"{used:.0%}",
        failed_attempts=_failed_attempts(history),
        rows=[{k: _cell(v) for k, v in row.items()} for row in trial_rows(history)],
        facts=_facts(history, ledger, now),
    )


def _standing(summary: Summary) -> str:
    counts = f"{summary.observed} of {summary.budget} trials observed"
    if summary.failed:
        counts += f", {summary.failed} failed"
    if summary.running:
        counts += f", {summary.running} running"
    if summary.waiting:
        counts += f", {summary.waiting} waiting"
    standing = str(summary.standing)
    return f"{standing[0].upper()}{standing[1:]}. {counts}."


def _finding(history: History, found: Recommendation | None) -> str:
    objective = history.definition.objective
    if found is None:
        return "Nothing has been observed yet, so there is nothing to recommend."
    value = with_uncertainty(found.mean, found.sd)
    if found.baseline_mean is None:
        return f"{objective.metric} {value} at the recommended configuration (trial {found.trial})."
    if found.mean == found.baseline_mean:
        return f"Nothing better than the baseline was found: {objective.metric} {value}."
    change = ""
    if found.baseline_mean != 0:
        change = f" ({found.mean / found.baseline_mean - 1:+.1%})"
    before = with_uncertainty(found.baseline_mean, found.baseline_sd)
    return f"{objective.metric} from {before} at the baseline to {value} at the recommended configuration{change}."


def _confidence(found: Recommendation | None) -> str:
    if found is None:
        return ""
    words = (
        f"The figures are the model's belief about the true value, not the luckiest measurement. With a probability of "
        f"{probability(found.probability_best)}, trial {found.trial} is the best of all that were observed"
    )
    if found.probability_better_than_baseline is None:
        return words + "."
    return words + f", and with {probability(found.probability_better_than_baseline)} it is better than the baseline."


def _configuration(history: History, found: Recommendation | None) -> list[dict[str, Any]]:
    campaign = history.definition
    baseline = campaign.parameters.point(campaign.baseline) if campaign.baseline is not None else None
    return [
        {
            "name": name,
            "unit": parameter.unit or "",
            "description": parameter.description or "",
            "recommended": _cell(found.point[name]),
            "baseline": None if baseline is None else _cell(baseline[name]),
            "changed": baseline is not None and baseline[name] != found.point[name],
        }
        for name, parameter in campaign.parameters.items()
        if found is not None
    ]


def _failed_attempts(history: History) -> list[dict[str, Any]]:
    def row(trial: int, attempt: Attempt, last: bool) -> dict[str, Any]:
        assert attempt.failed is not None
        end = attempt.failed
        then = "tried again" if end.will_retry else "given up" if last else ""
        return {"trial": trial, "attempt": attempt.number, "cause": end.cause, "message": end.message, "then": then}

    return [
        row(trial.id, attempt, isinstance(trial.outcome, Failure))
        for _, trial in sorted(history.trials.items())
        for attempt in trial.attempts
        if attempt.failed is not None
    ]


def _facts(history: History, ledger: str, now: datetime) -> dict[str, str]:
    assert history.defined is not None
    facts = {
        "Ledger": ledger,
        "Events read": str(len(history.seen)),
        "Campaign seed": str(history.definition.seed),
        "Defined": moment(history.defined.time, UTC),
        "Time at work": format_duration(round(history.active_seconds)),
        "This report": moment(now, UTC),
    }
    by_model = [t.proposal.provenance for t in history.trials.values() if t.proposal.generator == "model"]
    if by_model and by_model[-1] is not None:
        latest = by_model[-1]
        facts["Proposals by"] = ", ".join(f"{name} {version}" for name, version in latest.libraries.items())
        facts["Commit"] = latest.commit or "none"
        times = sorted(p.seconds for p in by_model if p is not None and p.seconds is not None)
        if times:
            facts["Seconds per proposal"] = f"{times[len(times) // 2]:.2f} (median)"
    return facts


def _embedded(figure: go.Figure) -> str:
    """Return the figure as JSON that is safe inside a script element."""
    return (figure.to_json() or "null").replace("</", "<\\/").replace("<!--", "<\\!--")


def _cell(value: Value | None) -> str:
    return "" if value is None else value_text(value)
