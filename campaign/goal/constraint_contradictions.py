"""Contradictions of constraints with each other and with the rest of a definition, each with its path in the file."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from overnight.campaign.goal.constraint import Constraint, read_constraint
from overnight.campaign.goal.objective import Objective, metrics_aimed_at
from overnight.campaign.problems import Problem
from overnight.campaign.space import Parameters
from overnight.campaign.values.expression import is_expression, read_expression


def impossible_constraints(campaign: Mapping[str, Any], key: str = "constraints") -> Iterator[Problem]:
    """Yield the constraints under a key that are repeated, are relative to no baseline, or leave a metric no value."""
    seen: dict[str, tuple[float, float]] = {}
    known: set[Constraint] = set()
    objectives = metrics_aimed_at(campaign)
    for position, constraint in readable_constraints(campaign.get(key)):
        where, metric = (key, position), constraint.metric
        if constraint in known:
            yield Problem(where, f"expected each constraint once, got `{constraint}` again")
            continue
        known.add(constraint)
        if metric not in objectives and (fault := _unreadable(metric)) is not None:
            yield Problem(where, fault)
        if constraint.relative:
            if campaign.get("baseline") is None:
                yield Problem(where, f"expected a `baseline`, to which `{constraint}` is relative, found none")
            continue
        (low, high), (least, most) = constraint.limits(None), seen.get(metric, (-math.inf, math.inf))
        seen[metric] = max(low, least), min(high, most)
        if seen[metric][0] >= seen[metric][1] and not least >= most:
            found = f"{seen[metric][0]:g} and {seen[metric][1]:g}"
            yield Problem(where, f"expected a lower bound of `{metric}` below its upper bound, got {found}")


def _unreadable(metric: str) -> str | None:
    """Return why a metric looks like a calculation and cannot be read as one; None otherwise."""
    try:
        if is_expression(metric):
            read_expression(metric)
    except ValueError as problem:
        return str(problem)
    return None


def limited_parameters(campaign: Mapping[str, Any], space: Parameters) -> Iterator[Problem]:
    """Yield the constraints on parameters; a metric with the name of a parameter is recognised by another mention."""
    metrics = campaign.get("metrics")
    mentioned = metrics_aimed_at(campaign)
    mentioned += metrics if isinstance(metrics, list | tuple) else ()
    for position, constraint in readable_constraints(campaign.get("constraints")):
        limited = Objective(metric=constraint.metric, direction="minimize")
        for name in limited.asked if limited.metric not in mentioned else ():
            if name in space.root and name not in mentioned:
                expected = "a metric" if name == limited.metric else f"only metrics in `{limited.metric}`"
                text = (
                    f"expected {expected}, got the parameter `{name}`, whose values are limited under `parameters`. If "
                    "an evaluation reports a metric of that name, list it in `metrics`"
                )
                yield Problem(("constraints", position), text)


def readable_constraints(constraints: Any) -> Iterator[tuple[int, Constraint]]:
    """Yield those of a list that can be read, with their positions."""
    for position, constraint in enumerate(constraints) if isinstance(constraints, list | tuple) else ():
        if isinstance(constraint, Constraint):
            yield position, constraint
        elif isinstance(constraint, str):
            with suppress(ValueError):
                yield position, read_constraint(constraint)
