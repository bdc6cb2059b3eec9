"""Match past results against a campaign: rows that fit become observations, and the others are reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overnight.campaign import Campaign, Measurement, Objective, Point
from overnight.campaign.errors import CannotImport
from overnight.campaign.problems import one_line, shown
from overnight.campaign.result import feasibility_notes, noise_problem, with_calculated
from overnight.flows.past_results.values import is_missing, measurement_of, value_of
from overnight.storage.past.results import PastResults, PastRow


@dataclass(frozen=True)
class PastObservation:
    """A past result as a point of the space, with its measurements, its place in the source and notes about it."""

    point: Point
    metrics: Mapping[str, Measurement]
    origin: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """The observations that fit, in the order of the source, and a line for each problem with another row.

    `misfits` counts the rows with a problem, `unmeasured` those without a value of each objective.
    """

    observations: tuple[PastObservation, ...]
    problems: tuple[str, ...]
    misfits: int
    unmeasured: int


def fitted(campaign: Campaign, results: PastResults) -> Fitted:
    """Return the results that are observations of the campaign.

    Raises CannotImport if there are no results, or if no row has a value of an objective or of a tuned parameter.
    """
    _refuse_missing_names(campaign, results)
    observations: list[PastObservation] = []
    problems: list[str] = []
    misfits = unmeasured = 0
    for row in results.rows:
        found, wrong = _observation(campaign, row)
        problems += [one_line(f"{results.source}, {row.place}{problem}") for problem in wrong]
        misfits += bool(wrong)
        unmeasured += not wrong and found is None
        if found is not None and not wrong:
            observations.append(found)
    return Fitted(tuple(observations), tuple(problems), misfits, unmeasured)


def _refuse_missing_names(campaign: Campaign, results: PastResults) -> None:
    whole = [row for row in results.rows if not row.broken]
    if not results.rows:
        raise CannotImport(f"{results.source}: expected results, found none{_counted(results.left_out)}.")
    missing = [
        name
        for name, parameter in campaign.parameters_of_point.items()
        if parameter.is_tuned and parameter.when is None and not any(name in row.parameters for row in whole)
    ]
    missing += [
        metric
        for objective in campaign.goal.objectives
        if not any(objective.metric in row.means for row in whole)
        for metric in objective.asked
        if not any(metric in row.means for row in whole)
    ]
    if missing and whole:
        expected, found = ", ".join(f"`{name}`" for name in missing), ", ".join(f"`{name}`" for name in results.names)
        raise CannotImport(
            f"{results.source}: expected values of {expected} for campaign `{campaign.name}`, found only {found}. "
            "Rename those that have other names in the source, or change the campaign."
        )


def _counted(left_out: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {why}' for why, count in left_out.items())})" if left_out else ""


def _observation(campaign: Campaign, row: PastRow) -> tuple[PastObservation | None, list[str]]:
    """Return the row's observation and its problems: None and no problem if an objective was not measured."""
    if row.broken:
        return None, [f": {row.broken}"]
    if any(_is_missing(objective, row) for objective in campaign.goal.objectives):
        return None, []
    metrics, wrong = _metrics(row)
    try:
        metrics = metrics if wrong else with_calculated(campaign, metrics)
    except ValueError as impossible:
        wrong.append(f", {impossible}")
    if (contradiction := noise_problem(campaign, metrics)) is not None:
        wrong.append(f", {contradiction}")
    point, misplaced = _point(campaign, row)
    return PastObservation(point, metrics, row.origin, feasibility_notes(campaign, metrics)), misplaced + wrong


def _is_missing(objective: Objective, row: PastRow) -> bool:
    """Return whether a row has neither an objective nor all metrics from which it is calculated."""
    return is_missing(row.means.get(objective.metric)) and any(
        is_missing(row.means.get(metric)) for metric in objective.asked
    )


def _metrics(row: PastRow) -> tuple[dict[str, Measurement], list[str]]:
    metrics, wrong = {}, []
    for name, mean in row.means.items():
        try:
            measured = measurement_of(mean, row.sems.get(name), row.counts.get(name))
        except ValueError as problem:
            wrong.append(f", `{name}`: {problem}")
            continue
        if measured is not None:
            metrics[name] = measured
    return metrics, wrong


def _point(campaign: Campaign, row: PastRow) -> tuple[Point, list[str]]:
    """Return the row's point and what is wrong with it; only the space knows which values may be missing."""
    point: Point = {}
    wrong = {}
    for name, parameter in campaign.parameters_of_point.items():
        if (found := row.parameters.get(name)) is None:
            continue
        try:
            point[name] = value_of(parameter, found)
        except ValueError as expected:
            # A table has a cell for every parameter, also in rows in which some are inactive.
            if is_missing(found) and (parameter.when is not None or parameter.kind in ("derived", "fidelity")):
                continue
            wrong[name] = f"expected {expected}, found {shown(found)}"
    found_by_space = campaign.space.problems(point)
    problems = {str(problem.where[0]): problem.text for problem in found_by_space if problem.where} | wrong
    unmet = [f", {problem.text}" for problem in found_by_space if not problem.where]
    if problems or unmet:
        return point, [f", `{name}`: {text}" for name, text in problems.items()] + unmet
    return campaign.space.point(point), []
