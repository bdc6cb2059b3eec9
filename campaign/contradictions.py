"""Contradictions between the parts of a campaign's definition, each with its path in the file."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.contexts import Context
from overnight.campaign.contexts.context import written_for
from overnight.campaign.contexts.mistakes import (
    context_mistakes,
    contexts_of,
    only_about_contexts,
    readable_context,
    unlisted_values,
)
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
    context = readable_context(campaign.get("context"))
    if context is None and campaign.get("context") is not None:
        return
    if context is not None and (clashes := [*context_mistakes(campaign, context, parameters)]):
        yield from clashes
        return
    every = parameters.with_variables({} if context is None else context.root)
    if mistakes := [problem.below("parameters") for problem in every.mistakes()]:
        yield from mistakes
        return
    yield from limited_parameters(campaign, every)
    yield from impossible_solutions(campaign, parameters)
    yield from contradictory_fidelity(campaign, parameters)
    yield from _approval(campaign, parameters)
    yield from _space(campaign, parameters, every, context, anywhere=anywhere)


def _space(
    campaign: Mapping[str, Any], parameters: Parameters, every: Parameters, context: Context | None, *, anywhere: bool
) -> Iterator[Problem]:
    """Yield the mistakes in `fix`, in constraints between parameters, and in points; `every` has those of contexts."""
    constraints = readable_comparisons(campaign.get("parameter_constraints"))
    fixed, unusable = readable_fixed(campaign.get("fix"), every, parameters.tuned())
    yield from unusable
    if context is not None:
        yield from unlisted_values(context, ("fix",), fixed)
    limited = [*only_about_contexts(constraints, context)]
    for given in contexts_of(context):
        limited += constraint_mistakes(constraints, every, {**fixed, **given})
    if limited:
        yield from dict.fromkeys(limited)
        return
    read = tuple(constraint for _, constraint in constraints)
    for given in contexts_of(context):
        yield from impossible_fixed(read, every.root, {**fixed, **given})
    of_point = of_points(every, readable_fidelity(campaign.get("fidelity")))
    strict = not anywhere or campaign.get("kind") == AB_TEST
    for where, point in _points(campaign):
        unlisted = [] if context is None else [*unlisted_values(context, where, point)]
        yield from unlisted
        views = () if unlisted else contexts_of(context, point)
        written = [written_for(point, given, of_point) for given in views]
        # A value that no context uses is a mistake.
        unused = {name: value for name, value in point.items() if not any(name in each for each in written)}
        found = (
            _in_space(Space(of_point, read, given=given), where, {**each, **unused}, strict=strict)
            for given, each in zip(views, written, strict=True)
        )
        yield from dict.fromkeys(problem for problems in found for problem in problems)


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
