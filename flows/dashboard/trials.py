"""The table of trials, a page at a time, and everything about one trial."""

import asyncio
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from overnight.campaign import History, Trial
from overnight.campaign.evaluation import cause_text
from overnight.flows.dashboard.followed import Followed, Seen
from overnight.flows.dashboard.templates import part, rendered
from overnight.flows.people.under_way import is_evaluated
from overnight.report.explained import explained
from overnight.report.numbers import duration, measured, moment
from overnight.report.statuses import LOOKS
from overnight.report.trial_facts import cell_text, ending, generator_of, notes_of, point_text, reason_of
from overnight.report.trial_lines import trial_lines

PAGE = 100


@dataclass(frozen=True)
class Chosen:
    """The trials that a reader wants to see: of one status, with a text in them, in an order, and the page of them."""

    status: str = ""
    text: str = ""
    order: str = "trial"
    descending: bool = True
    page: int = 1


def orders(history: History) -> list[str]:
    """Return the names by which trials can be sorted."""
    metrics = [each.metric for each in history.goal.objectives]
    return list(dict.fromkeys(["trial", "status", *metrics, *history.definition.shown_parameters, "took"]))


def chosen_trials(history: History, chosen: Chosen) -> list[Trial]:
    """Return the trials that are chosen, on all pages; those without the value to sort by come last."""
    found = [trial for _, trial in sorted(history.trials.items())]
    if chosen.status:
        found = [trial for trial in found if trial.status == chosen.status]
    if text := _searched(chosen.text.strip()):
        names = history.definition.shown_parameters
        found = [trial for trial in found if text in _words(trial, names)]
    key = _key(history, chosen.order)
    having = [trial for trial in found if key(trial) is not None]
    without = [trial for trial in found if key(trial) is None]
    return sorted(having, key=key, reverse=chosen.descending) + without


def table_part(name: str, seen: Seen, chosen: Chosen) -> str:
    """Return one page of the table of trials as a part of the page."""
    history = seen.history
    if history.defined is None:
        return part(rendered("problem.html.jinja", problem=seen.problem or "reading the ledger …"), seen.version)
    found = chosen_trials(history, chosen)
    pages = max(-(-len(found) // PAGE), 1)
    page = min(max(chosen.page, 1), pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    html = rendered(
        "trials.html.jinja",
        name=name,
        problem=seen.problem,
        lines=trial_lines(history, shown),
        count=len(found),
        trials=len(history.trials),
        first=(page - 1) * PAGE + 1,
        page=page,
        pages=pages,
    )
    return part(html, seen.version)


def statuses() -> list[tuple[str, str]]:
    """Return each status with its words."""
    return [(status, look.words) for status, look in LOOKS.items()]


async def trial_part(followed: Followed, seen: Seen, number: int) -> str | None:
    """Return everything about a trial as a part of the page; None if there is no such trial."""
    history = seen.history
    trial = None if history.defined is None else history.trials.get(number)
    if trial is None:
        return None
    events = await followed.events()
    lines = await asyncio.to_thread(explained, events, number, followed.name)
    return await asyncio.to_thread(_trial_part, followed.name, seen, trial, lines)


def _trial_part(name: str, seen: Seen, trial: Trial, lines: list[str]) -> str:
    campaign = seen.history.definition
    html = rendered(
        "trial.html.jinja",
        name=name,
        problem=seen.problem,
        trial=trial,
        status=ending(trial).short,
        why=reason_of(trial),
        reportable=trial.outcome is None and (trial.open_attempt is None or not is_evaluated(trial.open_attempt)),
        generator=generator_of(trial),
        proposed=moment(trial.proposed, UTC),
        point=[
            (name, text, parameter.unit or "")
            for name, parameter in campaign.shown_parameters.items()
            if (text := cell_text(trial, name))
        ],
        metrics=[(name, measured(found)) for name, found in trial.measured.items()],
        notes=notes_of(trial),
        lines=lines[1:],
        attempts=[_attempt(trial, i) for i in range(len(trial.attempts))],
        newest=seen.history.trials.last,
    )
    return part(html, seen.version, title=f"trial {trial.id} · {ending(trial).short}")


def _attempt(trial: Trial, index: int) -> dict[str, Any]:
    attempt = trial.attempts[index]
    failed, last = attempt.failed, index == len(trial.attempts) - 1
    took = None if failed is None else failed.seconds
    if failed is None and last and trial.outcome is not None:
        took = getattr(trial.outcome, "seconds", None)
    return {
        "number": attempt.number,
        "started": moment(attempt.started, UTC),
        "where": attempt.host or attempt.actor,
        "took": "" if took is None else duration(took),
        "end": _end(trial, index),
        "message": "" if failed is None else failed.message,
        "handle": attempt.handle or "",
    }


def _end(trial: Trial, index: int) -> str:
    attempt = trial.attempts[index]
    if attempt.failed is not None:
        return f"{cause_text(attempt.failed.cause)}{', tried again' if attempt.failed.will_retry else ''}"
    if trial.outcome is None:
        return attempt.unknown or "running"
    return ending(trial).short


def _words(trial: Trial, names: Any) -> str:
    why = reason_of(trial) or ending(trial).why or ""
    return _searched(f"{trial.id} {generator_of(trial)} {ending(trial).short} {point_text(trial, names)} {why}")


def _searched(text: str) -> str:
    # The minus of the tables is not on keyboards.
    return text.lower().replace("−", "-")


def _key(history: History, order: str) -> Any:
    metrics = {each.metric for each in history.goal.objectives}
    if order == "status":
        places = {status: i for i, status in enumerate(LOOKS)}
        return lambda trial: places[trial.status]
    if order == "took":
        return lambda trial: trial.seconds
    if order in metrics:
        return lambda trial: trial.measured[order].mean if order in trial.measured else None
    parameter = history.definition.shown_parameters.get(order)
    if parameter is not None:
        ranks = {value: i for i, value in enumerate(parameter.listed)} if parameter.listed else None

        def place(trial: Trial) -> Any:
            value = trial.point.get(order)
            if value is None:
                return None
            if ranks is not None:
                return ranks.get(value)
            return value if isinstance(value, int | float) else None

        return place
    return lambda trial: trial.id
