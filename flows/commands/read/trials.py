"""`overnight trials`: every trial as a table, JSON or CSV."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.text import Text

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.errors import Refused
from overnight.campaign.history.trial import Failure
from overnight.campaign.values.harmless import harmless
from overnight.flows.commands.read.layout import Sheet
from overnight.flows.commands.read.past import read_past
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.report.numbers import duration, measured, share_text
from overnight.report.phrases.nothing import why_no_best, why_nothing
from overnight.report.statuses import LOOKS
from overnight.report.story import story_of
from overnight.report.tables import to_csv, to_json, trial_rows
from overnight.report.trial_facts import ending, feasible_cell, point_text
from overnight.report.trial_lines import noted, without_result

_MOST_IN_A_FRAME = 500


def trials(path: Path, form: str, as_of: str | None, best: int | None = None, *, front: bool = False) -> None:
    """Print all trials of a campaign; or the best feasible ones, the best first; or the front.

    The front has the best in the first objective first. The reasons why trials have no result, and notes, follow a
    table of all trials. Raises Refused if several objectives are asked for the best trials.
    """
    _, history = read_past(path, as_of)
    shown, chosen = _shown(history, best, front=front), best is not None or front
    if form == "table" and chosen and not shown:
        terminal().print(_why_none(history, front=front), soft_wrap=True)
    elif form == "table":
        _print_table(history, shown, chosen=chosen)
    else:
        rows = trial_rows(history, shown)
        print((to_json if form == "json" else to_csv)(rows), end="")  # noqa: T201


def _shown(history: History, best: int | None, *, front: bool) -> list[Trial]:
    every, goals = [trial for _, trial in sorted(history.trials.items())], history.goals
    goal = goals.pooled
    if front:
        return goals.best_first(goals.front(every))
    if best is None:
        return every
    if goal.has_front:
        raise Refused(
            f"--best: campaign `{history.definition.name}` has several objectives, which do not rank its trials. List "
            "those that no other one beats with --pareto."
        )
    return goals.best_first(every)[:best]


def _why_none(history: History, *, front: bool) -> str:
    """Return why no trial is the best, or why the front is empty."""
    story = story_of(history, SystemClock().now())
    why = why_no_best(story) if story.best.observed else why_nothing(story)
    return f"{history.definition.name}: {'the front is empty' if front else 'there is no best trial'}: {why}"


def _print_table(history: History, shown: Sequence[Trial], *, chosen: bool) -> None:
    console, goal = terminal(), history.goal
    metrics = [objective.metric for objective in goal.objectives]
    # The arms of a batch take the same time, so their shares are shown instead.
    arms, last = (["batch"], "share") if history.definition.is_ab_test else ([], "took")
    judged = [*(["feasible"] if goal.constraints else []), *(["front"] if goal.has_front and not chosen else [])]
    headings = ["trial", "status", *arms, *metrics, *judged, last, "point"]
    rows = _rows(history, shown, chosen=chosen)
    # The point may be folded, and so may unmet constraints. The number of a trial and the last fact are numbers.
    folded = {*range(2 + len(arms) + len(metrics), len(headings) - 2), len(headings) - 1}
    sheet = Sheet(headings, rows, folded, right=(0, len(headings) - 2))
    if not sheet.fits(console.width):
        for line in sheet.blocks(console):
            console.print(line, soft_wrap=True)
    elif len(rows) <= _MOST_IN_A_FRAME:
        console.print(sheet.grid(console.width))
    else:
        console.print(sheet.lines(), soft_wrap=True)
    for line in _recommended(history) if chosen else [*_without_result(history), *noted(history)]:
        console.print(line, soft_wrap=True)


def _recommended(history: History) -> list[str]:
    """Return which trial of a front is recommended, if a recommendation is recorded and holds."""
    if not history.goal.has_front or history.recommendation is None:
        return []
    return [f"recommended: trial {history.recommendation.recommendation.best_measured}; why: overnight status"]


def _without_result(history: History) -> list[str]:
    """Return the reasons why trials failed, were stopped, were withdrawn or still wait."""
    reasons = {
        line["trial"]: f"trial {line['trial']}, {line['status']}: {line['why']}" for line in without_result(history)
    }
    for trial in history.trials.values():
        if isinstance(trial.outcome, Failure):
            reasons[trial.id] = f"trial {trial.id} {ending(trial)}"
    return [reasons[number] for number in sorted(reasons)]


def _rows(history: History, trials: Iterable[Trial], *, chosen: bool) -> list[tuple[Text, ...]]:
    """Return the cells of the table for people; CSV and JSON have more columns."""
    campaign, rows = history.definition, list[tuple[Text, ...]]()
    goals = history.goals
    goal = goals.pooled
    on_front = {trial.id for trial in goals.front(history.trials.values())} if goal.has_front else set[int]()
    for trial in trials:
        seconds, found = trial.seconds, trial.measured
        # The step of an arm that was stopped is below the table, in the reason.
        ended = trial.status if campaign.is_ab_test else ending(trial).short
        status = Text(ended, style=LOOKS[trial.status].style)
        cells = ["" if trial.batch is None else str(trial.batch)] if campaign.is_ab_test else []
        cells += [measured(found[each.metric]) if each.metric in found else "" for each in goal.objectives]
        cells += [harmless(feasible_cell(goals.of(trial), trial))] if goal.constraints else []
        cells += ["yes" if trial.id in on_front else ""] if goal.has_front and not chosen else []
        took = "" if seconds is None else duration(seconds)
        cells.append(_share(trial) if campaign.is_ab_test else took)
        rows.append((Text(str(trial.id)), status, *map(Text, cells), _point(campaign, trial)))
    return rows


def _share(trial: Trial) -> str:
    """Return an arm's share of the traffic of its batch."""
    share = trial.proposal.weight
    return "" if share is None else share_text(share)


def _point(campaign: Campaign, trial: Trial) -> Text:
    return Text(harmless(point_text(trial, campaign.shown_parameters, between="  ")))
