"""The rules for a result: usable metrics are kept, calculated ones added, and unusable side information is noted.

Side information is everything that the campaign did not ask for: other metrics, the cost, artifacts and metadata. Bad
side information never costs a result its metrics. A missing metric of a constraint costs only that metric: the others
are observed, and a note records that the result does not count as feasible. All results follow these rules: those of
commands, Python functions and `AskTell`, and those reported by hand.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from overnight.campaign.definition import Campaign
from overnight.campaign.evaluation import (
    Measurement,
    all_writable,
    finite_number,
    named_value,
    read_measurement,
    writable,
)
from overnight.campaign.goal import Objective
from overnight.campaign.goal.calculated import calculated_from

MOST_EXTRA_METRICS = 1000
LONGEST_METRIC_NAME = 200
MOST_ARTIFACTS = 1000
LONGEST_ARTIFACT = 4096
LARGEST_METADATA = 1 << 20
MOST_NOTES = 20
LONGEST_NOTE = 500


@dataclass(frozen=True)
class ReadMetrics:
    """The metrics of a result or a report, in their original order.

    `metrics` holds every finite measurement, requested or not. `problem` names the requested metrics that are missing
    or unusable; None means that every required one is fine. `notes` has a sentence for each other metric that was
    ignored.
    """

    metrics: dict[str, Measurement]
    problem: str | None
    notes: tuple[str, ...]


def read_metrics(found: Mapping[Any, Any], asked: Collection[str], optional: Collection[str] = ()) -> ReadMetrics:
    """Sort metrics by name into those that are kept, the problem with requested ones, and notes about the others.

    A result is asked for the campaign's expected metrics, of which the `optional` ones are not required. A report is
    asked for nothing, so any metric in it may be missing.
    """
    metrics: dict[str, Measurement] = {}
    unusable: dict[str, str] = {}
    for name, value in found.items():
        try:
            metrics[writable(str(name))] = read_measurement(value)
        except (ValueError, OverflowError, RecursionError) as problem:
            unusable[writable(str(name))] = str(problem)
    missing = [name for name in asked if name not in metrics and name not in unusable]
    faulty = {name: why for name, why in unusable.items() if name in asked}
    complete = {*missing, *faulty} <= {*optional}
    ignored = {name: why for name, why in unusable.items() if name not in faulty}
    if complete:
        ignored = faulty | ignored
    dropped = _too_long_or_too_many([name for name in metrics if name not in asked])
    notes = [f"metric `{name[:LONGEST_METRIC_NAME]}` was ignored: {why}" for name, why in ignored.items()]
    return ReadMetrics(
        metrics={name: measured for name, measured in metrics.items() if name not in dropped},
        problem=None if complete else _problem(missing, faulty, found),
        notes=bounded([*notes, *dropped.values()]),
    )


def feasibility_notes(campaign: Campaign, metrics: Mapping[str, Measurement]) -> tuple[str, ...]:
    """Return a note for each metric that a constraint limits and that an observed result lacks."""
    lacking = (campaign.goal.wanted(name) for name in campaign.goal.limited if name not in metrics)
    return bounded(f"this result does not count as feasible{_why_lacking(each, metrics)}" for each in lacking)


def _why_lacking(limited: Objective, metrics: Mapping[str, Measurement]) -> str:
    if limited.expression is None:
        return f": expected the metric `{limited.metric}`, which a constraint limits, found {_listed(metrics)}"
    try:
        problem = f"expected its value, found only {_listed(limited.asked)}"
        calculated_from(limited.expression, metrics)
    except ValueError as impossible:
        problem = str(impossible)
    return f", because a constraint limits `{limited.metric}`: {problem}"


def with_calculated(campaign: Campaign, metrics: Mapping[str, Measurement]) -> dict[str, Measurement]:
    """Return the metrics with those that the goal calculates from them.

    A value that was reported itself counts only if its parts were not, and if the calculation can have it. If there is
    neither, or no finite value, raises ValueError for an objective; another metric that constraints limit is then left
    out.
    """
    found, objectives = {**metrics}, {each.metric for each in campaign.goal.objectives}
    for wanted in campaign.goal.calculations:
        complete = all(name in metrics for name in wanted.asked)
        if wanted.expression is None or (wanted.metric in metrics and not complete):
            if impossible := wanted.contradiction(metrics):
                if wanted.metric in objectives:
                    raise ValueError(impossible)
                found.pop(wanted.metric)
            continue
        try:
            found[wanted.metric] = calculated_from(wanted.expression, metrics)
        except ValueError:
            if wanted.metric in objectives:
                raise
            found.pop(wanted.metric, None)
    return found


def noise_problem(campaign: Campaign, metrics: Mapping[str, Measurement]) -> str | None:
    """Return how the standard error of an objective contradicts the campaign's `noise`; None if none does.

    An A/B test needs a standard error of every metric of its goal: without one, nothing could be judged.
    """
    if campaign.is_ab_test:
        return _without_error(campaign, metrics)
    because = f"because of `noise: {campaign.noise}`"
    for name in (objective.metric for objective in campaign.goal.objectives):
        measured = metrics.get(name)
        if measured is not None and campaign.noise == "known" and measured.sem is None:
            return f"metric `{name}`: expected a standard error with the mean {because}, found none"
        if measured is not None and campaign.noise == "none" and measured.sem:
            return f"metric `{name}`: expected no standard error, or 0, {because}, found {measured.sem:g}"
    return None


def _without_error(campaign: Campaign, metrics: Mapping[str, Measurement]) -> str | None:
    found = [name for name in campaign.goal.metrics if name in metrics and metrics[name].sem is None]
    if not found:
        return None
    named = ", ".join(f"`{name}`" for name in found)
    return f"metric {named}: expected a standard error (`sem`) with the mean, which an A/B test needs, found none"


def _too_long_or_too_many(extra: list[str]) -> dict[str, str]:
    """Return a note for each metric that exceeds the limits on metrics that were not requested."""
    long = [name for name in extra if len(name) > LONGEST_METRIC_NAME]
    notes = {
        name: f"metric `{name[:40]} …` was ignored: expected a name of at most {LONGEST_METRIC_NAME} characters, "
        f"found {len(name)}"
        for name in long
    }
    surplus = [name for name in extra if name not in notes][MOST_EXTRA_METRICS:]
    why = f"expected at most {MOST_EXTRA_METRICS} additional metrics, found {len(extra)}"
    return notes | {name: f"metric `{name}` was ignored: {why}" for name in surplus}


def _problem(missing: list[str], unusable: dict[str, str], found: Mapping[Any, Any]) -> str:
    problems = []
    if missing:
        problems.append(f"expected the metric {', '.join(f'`{name}`' for name in missing)}, found {_listed(found)}")
    problems += [f"metric `{name}`: {why}" for name, why in unusable.items()]
    return "; ".join(problems)


def _listed(names: Collection[Any]) -> str:
    """Return the first few names of metrics, each shortened, and how many others there are."""
    others = [str(name)[:LONGEST_METRIC_NAME] for name in names]
    listed = ", ".join(f"`{writable(name)}`" for name in others[:MOST_NOTES]) or "none"
    return listed + (f" and {len(others) - MOST_NOTES} more" if len(others) > MOST_NOTES else "")


def read_cost(value: Any) -> tuple[float | None, tuple[str, ...]]:
    """Return the cost in a result, and a note if it is not a valid cost; None means that no cost was given."""
    if value is None:
        return None, ()
    try:
        cost = finite_number(value, "cost")
        if cost < 0:
            raise ValueError(f"expected a cost of 0 or more, got {cost:g}")
    except (ValueError, RecursionError) as problem:
        return None, bounded([f"`cost` was refused, so the cost of this evaluation is unknown: {problem}"])
    return cost, ()


def read_artifacts(value: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the artifacts in a result, and notes about invalid ones; None means no artifacts."""
    if value is None:
        return (), ()
    if not isinstance(value, list | tuple):
        return (), bounded([f"`artifacts` were ignored: expected a list of texts, got {named_value(value)}"])
    well = [writable(name) for name in value if isinstance(name, str) and len(name) <= LONGEST_ARTIFACT]
    notes = [f"`artifacts`: expected at most {MOST_ARTIFACTS}, found {len(well)}"] if len(well) > MOST_ARTIFACTS else []
    if len(well) < len(value):
        wrong = next(name for name in value if not isinstance(name, str) or len(name) > LONGEST_ARTIFACT)
        notes.append(
            f"{len(value) - len(well)} of {len(value)} `artifacts` were ignored: expected texts of at most "
            f"{LONGEST_ARTIFACT} characters, got {named_value(wrong)}"
        )
    return tuple(well[:MOST_ARTIFACTS]), bounded(notes)


def read_metadata(value: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the metadata of a result, and a note if it cannot be kept; None means no metadata."""
    if value is None:
        return {}, ()
    try:
        if not isinstance(value, Mapping):
            raise ValueError(f"expected an object, got {named_value(value)}")
        kept = all_writable(dict(value))
        if (size := len(json.dumps(kept, ensure_ascii=False).encode())) > LARGEST_METADATA:
            raise ValueError(f"expected at most {LARGEST_METADATA} bytes of JSON, found {size}")
    except (TypeError, ValueError, RecursionError) as problem:
        return {}, bounded([f"`metadata` was ignored: {problem}"])
    return kept, ()


def bounded(notes: Iterable[str]) -> tuple[str, ...]:
    """Return the notes as they are kept: at most `MOST_NOTES`, each shortened to `LONGEST_NOTE` characters."""
    every = list(notes)
    kept = [note if len(note) <= LONGEST_NOTE else f"{note[:LONGEST_NOTE]} …" for note in every[:MOST_NOTES]]
    return (*kept, f"and {len(every) - MOST_NOTES} more of this kind") if len(every) > MOST_NOTES else tuple(kept)
