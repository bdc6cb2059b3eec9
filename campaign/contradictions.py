"""Contradictions between the parts of a campaign's definition, each with its path in the file."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.experiment.contradictions import AB_TEST, contradictory_experiment
from overnight.campaign.fidelity import contradictory_fidelity, of_points, readable_fidelity
from overnight.campaign.goal.constraint_contradictions import impossible_constraints, limited_parameters
from overnight.campaign.goal.objective_contradictions import contradictory_objectives
from overnight.campaign.problems import Problem, Where, shown
from overnight.campaign.solutions import impossible_solutions
from overnight.campaign.space import Parameters, Space
from overnight.campaign.space.constraint_mistakes import constraint_mistakes, readable_fixed
from overnight.campaign.space.fixed_mistakes import impossible_fixed
from overnight.campaign.values.comparison import readable_comparisons


def contradictions(campaign: Mapping[str, Any], *, anywhere: bool = False) -> Iterator[Problem]:
    """Yield the contradictions in a definition, given as written in the file or as the fields of the model.

    A part that is invalid by itself is not compared, because reading it already reports the mistake. With `anywhere`,
    the baseline and the points to start with may lie outside of the space, except in an A/B test.
    """
    yield from contradictory_objectives(campaign)
    yield from _metrics(campaign.get("metrics"))
    yield from impossible_constraints(campaign)
    yield from contradictory_experiment(campaign)
    try:
        parameters = Parameters.model_validate(campaign.get("parameters"))
    except ValidationError:
        return
    yield from limited_parameters(campaign, parameters)
    yield from impossible_solutions(campaign, parameters)
    yield from contradictory_fidelity(campaign, parameters)
    yield from _approval(campaign, parameters)
    constraints = readable_comparisons(campaign.get("parameter_constraints"))
    fixed, unusable = readable_fixed(campaign.get("fix"), parameters)
    yield from unusable
    if mistakes := [*constraint_mistakes(constraints, parameters, fixed)]:
        yield from mistakes
        return
    yield from impossible_fixed([constraint for _, constraint in constraints], parameters.root, fixed)
    of_point = of_points(parameters, readable_fidelity(campaign.get("fidelity")))
    space = Space(of_point, tuple(constraint for _, constraint in constraints))
    strict = not anywhere or campaign.get("kind") == AB_TEST
    for where, point in _points(campaign):
        yield from _in_space(space, where, point, strict=strict)


def _metrics(metrics: Any) -> Iterator[Problem]:
    for position, metric in enumerate(metrics) if isinstance(metrics, list | tuple) else ():
        if isinstance(metric, str) and metric in metrics[:position]:
            yield Problem(("metrics", position), f"expected each metric once, got {shown(metric)} again")


def _points(campaign: Mapping[str, Any]) -> Iterator[tuple[Where, Mapping[Any, Any]]]:
    start_with = campaign.get("start_with")
    candidates: list[tuple[Where, Any]] = [(("baseline",), campaign.get("baseline"))]
    if isinstance(start_with, list | tuple):
        candidates += [(("start_with", position), point) for position, point in enumerate(start_with)]
    return ((where, point) for where, point in candidates if isinstance(point, Mapping))


def _in_space(space: Space, where: Where, point: Mapping[Any, Any], *, strict: bool) -> Iterator[Problem]:
    named = {name: value for name, value in point.items() if isinstance(name, str)}
    invalid = {name for name, value in named.items() if not isinstance(value, bool | int | float | str)}
    filled, wrong = space.placed(named)
    problems = space.problems({**filled, **named}) if strict else wrong
    return (problem.below(*where) for problem in problems if not invalid.intersection(problem.where[:1]))


def _approval(campaign: Mapping[str, Any], parameters: Parameters) -> Iterator[Problem]:
    try:
        policy = ApprovalPolicy.model_validate(campaign.get("approve"))
    except ValidationError:
        return
    for problem in policy.when.problems(parameters, has_baseline=campaign.get("baseline") is not None):
        yield problem.below("approve", "when")
    if policy.when.predicted is not None and campaign.get("objectives"):
        text = "expected no `predicted` with several `objectives`, because it limits a single one, found one"
        yield Problem(("approve", "when", "predicted"), text)
