"""Contradictions between the parts of a campaign's definition, each with its path in the file."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.constraint import Constraint, read_constraint
from overnight.campaign.problems import Problem, Where, shown
from overnight.campaign.space import Space


def contradictions(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the contradictions in a definition, given as written in the file or as the fields of the model.

    A part that is invalid by itself is not compared, because reading it already reports the mistake.
    """
    yield from _objective(campaign)
    yield from _metrics(campaign.get("metrics"))
    yield from _constraints(campaign)
    try:
        space = Space.model_validate(campaign.get("parameters"))
    except ValidationError:
        return
    for where, point in _points(campaign):
        yield from _in_space(space, where, point)
    yield from _limited_parameters(campaign, space)
    yield from _approval(campaign, space)


def _objective(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    written = [key for key in ("minimize", "maximize") if campaign.get(key) is not None]
    if len(written) != 1:
        found = " and ".join(f"`{key}`" for key in written) or "neither"
        text = f"expected either `minimize` or `maximize` with the name of a metric, got {found}"
        yield Problem(("maximize" if written else "minimize",), text)


def _metrics(metrics: Any) -> Iterator[Problem]:
    for position, metric in enumerate(metrics) if isinstance(metrics, list | tuple) else ():
        if isinstance(metric, str) and metric in metrics[:position]:
            yield Problem(("metrics", position), f"expected each metric once, got {shown(metric)} again")


def _constraints(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the constraints that are relative to no baseline, and those that leave a metric no value."""
    seen: dict[str, tuple[float, float]] = {}
    for position, constraint in _readable_constraints(campaign.get("constraints")):
        where, metric = ("constraints", position), constraint.metric
        if constraint.relative:
            if campaign.get("baseline") is None:
                yield Problem(where, f"expected a `baseline`, to which `{constraint}` is relative, found none")
            continue
        (low, high), (least, most) = constraint.limits(None), seen.get(metric, (-math.inf, math.inf))
        seen[metric] = max(low, least), min(high, most)
        if seen[metric][0] >= seen[metric][1] and not least >= most:
            found = f"{seen[metric][0]:g} and {seen[metric][1]:g}"
            yield Problem(where, f"expected a lower bound of `{metric}` below its upper bound, got {found}")


def _limited_parameters(campaign: Mapping[str, Any], space: Space) -> Iterator[Problem]:
    """Yield the constraints on parameters; a metric with the name of a parameter is recognised by another mention."""
    metrics = campaign.get("metrics")
    mentioned = [campaign.get("minimize"), campaign.get("maximize")]
    mentioned += metrics if isinstance(metrics, list | tuple) else ()
    for position, constraint in _readable_constraints(campaign.get("constraints")):
        if (name := constraint.metric) in space.root and name not in mentioned:
            text = (
                f"expected a metric, got the parameter `{name}`, whose values are limited under `parameters`. If an "
                "evaluation reports a metric of that name, list it in `metrics`"
            )
            yield Problem(("constraints", position), text)


def _readable_constraints(constraints: Any) -> Iterator[tuple[int, Constraint]]:
    for position, constraint in enumerate(constraints) if isinstance(constraints, list | tuple) else ():
        if isinstance(constraint, Constraint):
            yield position, constraint
        elif isinstance(constraint, str):
            with suppress(ValueError):
                yield position, read_constraint(constraint)


def _points(campaign: Mapping[str, Any]) -> Iterator[tuple[Where, Mapping[Any, Any]]]:
    start_with = campaign.get("start_with")
    candidates: list[tuple[Where, Any]] = [(("baseline",), campaign.get("baseline"))]
    if isinstance(start_with, list | tuple):
        candidates += [(("start_with", position), point) for position, point in enumerate(start_with)]
    return ((where, point) for where, point in candidates if isinstance(point, Mapping))


def _in_space(space: Space, where: Where, point: Mapping[Any, Any]) -> Iterator[Problem]:
    named = {name: value for name, value in point.items() if isinstance(name, str)}
    invalid = {name for name, value in named.items() if not isinstance(value, bool | int | float | str)}
    return (problem.below(*where) for problem in space.problems(named) if problem.where[0] not in invalid)


def _approval(campaign: Mapping[str, Any], space: Space) -> Iterator[Problem]:
    try:
        policy = ApprovalPolicy.model_validate(campaign.get("approve"))
    except ValidationError:
        return
    for problem in policy.when.problems(space, has_baseline=campaign.get("baseline") is not None):
        yield problem.below("approve", "when")
