"""What in a campaign contradicts itself, found also where other parts of the definition are wrong."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from overnight.bo_core import AnyProposer, BayesianProposer
from overnight.bo_core.acquisitions import AGAINST_BEST
from overnight.campaign import Space
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.definition import StopWhen
from overnight.campaign.problems import Problem, Where, shown, unknown_key
from overnight.campaign.space import FixedParameter, Parameter
from overnight.campaign.values.duration import format_duration
from overnight.campaign.window import Window


def contradictions(campaign: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong between the parts of a campaign as it was written, each with its own path."""
    return [*objective_problems(campaign), *metric_problems(campaign.get("metrics")), *_in_the_space(campaign)]


def objective_problems(campaign: Mapping[str, Any]) -> list[Problem]:
    """Return the problem that there is not exactly one objective."""
    written = [key for key in campaign if key in ("minimize", "maximize") and campaign[key] is not None]
    if len(written) == 1:
        return []
    where: Where = (written[-1],) if written else ("minimize",)
    found = " and ".join(f"`{key}`" for key in written) or "neither"
    return [Problem(where, f"expected either `minimize` or `maximize` with the name of a metric, got {found}")]


def metric_problems(metrics: Any) -> list[Problem]:
    """Return a problem for each metric that is listed again."""
    if not isinstance(metrics, list | tuple):
        return []
    return [
        Problem(("metrics", position), f"expected each metric once, got {shown(metric)} again")
        for position, metric in enumerate(metrics)
        if isinstance(metric, str) and metric in metrics[:position]
    ]


def window_problems(window: Window | None, time_limit: timedelta) -> list[Problem]:
    """Return the problem that no first evaluation would fit into the window."""
    if window is None or time_limit <= window.length:
        return []
    limit, length = format_duration(time_limit), format_duration(window.length)
    text = (
        f"expected at most {length}, which the window {window} is open, got {limit}: before five evaluations are known "
        "each is expected to take that long, so that none would be started"
    )
    return [Problem(("evaluator", "time_limit"), text)]


def gain_problems(stop_when: StopWhen | None, proposer: AnyProposer) -> list[Problem]:
    """Return the problem that a campaign ends by the expected gain though its proposer tells none."""
    tells = isinstance(proposer, BayesianProposer) and proposer.acquisition in AGAINST_BEST
    if stop_when is None or tells:
        return []
    found = f"`{proposer.acquisition}`" if isinstance(proposer, BayesianProposer) else f"`kind: {proposer.kind}`"
    text = (
        f"expected a proposer that tells what one more trial is expected to gain, got {found}: use `proposer.kind: "
        f"bayesian` with one of {', '.join(AGAINST_BEST)}, or leave `stop_when` out"
    )
    return [Problem(("stop_when", "expected_gain_below"), text)]


def _in_the_space(campaign: Mapping[str, Any]) -> list[Problem]:
    try:
        space = Space.model_validate(campaign.get("parameters"))
    except ValidationError:
        return []
    misplaced = [problem for where, point in _points(campaign) for problem in _misplaced(space, where, point)]
    return [*misplaced, *_approval_problems(campaign, space)]


def _approval_problems(campaign: Mapping[str, Any], space: Space) -> list[Problem]:
    try:
        policy = ApprovalPolicy.model_validate(campaign.get("approve"))
    except ValidationError:
        return []
    found = policy.when.problems(space, has_baseline=campaign.get("baseline") is not None)
    return [Problem(("approve", "when", *path), text) for path, text in found]


def _points(campaign: Mapping[str, Any]) -> Iterator[tuple[Where, Mapping[Any, Any]]]:
    start_with = campaign.get("start_with")
    candidates: list[tuple[Where, Any]] = [(("baseline",), campaign.get("baseline"))]
    if isinstance(start_with, list | tuple):
        candidates += [(("start_with", position), point) for position, point in enumerate(start_with)]
    return ((where, point) for where, point in candidates if isinstance(point, Mapping))


def _misplaced(space: Space, where: Where, point: Mapping[Any, Any]) -> Iterator[Problem]:
    for name in point:
        if isinstance(name, str) and name not in space.root:
            yield Problem((*where, name), unknown_key(name, space.root))
    for name, parameter in space.items():
        text = _misfit(parameter, point, name)
        if text:
            yield Problem((*where, name), text)


def _misfit(parameter: Parameter, point: Mapping[Any, Any], name: str) -> str | None:
    if name not in point:
        return None if isinstance(parameter, FixedParameter) else "expected a value, got nothing"
    if not isinstance(point[name], bool | int | float | str):
        return None  # no value at all, which is told where the types are looked at
    try:
        parameter.canonical(point[name])
    except ValueError as expected:
        return f"expected {expected}, got {shown(point[name])}"
    return None
