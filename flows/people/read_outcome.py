"""Read a result that a person reports."""

import difflib
import operator
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidResult
from overnight.campaign.evaluation import is_measurement, named_value, writable
from overnight.campaign.result import noise_problem, read_cost, read_metrics, with_calculated
from overnight.evaluators import Infeasible


def read_outcome(campaign: Campaign, result: Any, cost: Any = None) -> EvaluationOutcome:
    """Return the outcome that a person reports: metrics, or an exception for a failure that the point caused.

    Optional and additional metrics are kept if they are valid, and noted if they are not. Raises InvalidResult if a
    required metric is missing or unusable, if the standard error of an objective contradicts the campaign's `noise`,
    or if `cost` is not a finite number of 0 or more.
    """
    known, problems = read_cost(cost)
    if problems:
        raise InvalidResult(f"{problems[0]}.")
    if isinstance(result, BaseException):
        return _failure(campaign, result, known)
    read = read_metrics(_by_name(campaign, result), campaign.expected_metrics, campaign.optional_metrics)
    metrics, problem = read.metrics, read.problem
    if problem is None:
        try:
            metrics = with_calculated(campaign, metrics)
            problem = noise_problem(campaign, metrics)
        except ValueError as impossible:
            problem = str(impossible)
    if problem is not None:
        raise InvalidResult(f"{_refusal(campaign, result, problem)}{_by_name_hint(campaign, result)}")
    return EvaluationSucceeded(metrics=metrics, notes=read.notes, cost=known)


def _failure(campaign: Campaign, result: BaseException, cost: float | None) -> EvaluationFailed:
    """Return the failure that an exception describes; an infeasible point keeps its measurements."""
    if not isinstance(result, Infeasible):
        return EvaluationFailed(cause="configuration", message=described(result), cost=cost)
    measured = {} if result.metrics is None else _by_name(campaign, result.metrics)
    read = read_metrics(measured, asked=())
    return EvaluationFailed(
        cause="infeasible", message=described(result), metrics=read.metrics, notes=read.notes, cost=cost
    )


def read_report(campaign: Campaign, result: Any) -> dict[str, Measurement]:
    """Return the metrics of a report before a trial's end; raises InvalidResult unless they include the objective.

    With several objectives, a report needs one metric of the goal.
    """
    found, goal = _by_name(campaign, result), campaign.goal
    metrics = read_metrics(found, asked=()).metrics
    of_use = any(objective.found_in(metrics) is not None for objective in goal.objectives)
    if of_use or (goal.has_front and any(name in metrics for name in campaign.expected_metrics)):
        return metrics
    asked = campaign.objective_metrics[:1] if goal.has_front else campaign.objective_metrics
    impossible = next(filter(None, (objective.contradiction(metrics) for objective in goal.objectives)), None)
    problem = impossible or read_metrics(found, asked).problem
    raise InvalidResult(_refusal(campaign, result, problem or f"expected `{goal.objectives[0].metric}`, found none"))


def read_step(step: Any) -> int:
    """Return the step of a report; raises InvalidResult unless it is a whole number of 0 or more."""
    with suppress(TypeError):
        if not isinstance(step, bool) and 0 <= (number := operator.index(step)) < 2**63:
            return number
    raise InvalidResult(f"expected a step that is a whole number of 0 or more, found {named_value(step)}.")


def described(why: BaseException | str) -> str:
    """Return a reason as text that can be stored; for an exception, it begins with the name of its class."""
    return writable(f"{type(why).__name__}: {why}" if isinstance(why, BaseException) else str(why))


def _by_name(campaign: Campaign, result: Any) -> Mapping[Any, Any]:
    """Return metrics by name; a bare measurement is that of the objective or of a target's metric.

    It is by name if its keys are the names of metrics.
    """
    asked = campaign.expected_metrics
    by_name = isinstance(result, Mapping) and (
        not is_measurement(result) or (len(asked) > 1 and set(asked) <= set(result))
    )
    return result if by_name else {campaign.metric_of_number: result}


def _by_name_hint(campaign: Campaign, result: Any) -> str:
    """Return how to give several objectives, if a result is a number or a pair."""
    if not campaign.goal.has_front or isinstance(result, Mapping):
        return ""
    named = ", ".join(f"{metric!r}: …" for metric in campaign.objective_metrics)
    return f" A campaign with several objectives needs them by name: {{{named}}}."


def _refusal(campaign: Campaign, result: Any, problem: str) -> str:
    names = [*map(str, result)] if isinstance(result, Mapping) else []
    missing = [name for name in campaign.expected_metrics if name not in names]
    meant = {name: difflib.get_close_matches(name, set(names) - {*campaign.expected_metrics}, n=1) for name in missing}
    hints = [f"Did you mean `{name}` by `{close[0]}`?" for name, close in meant.items() if close]
    return " ".join([f"{problem}; the result is {named_value(result)}.", *hints])
