"""Contradictions of objectives with each other and with the rest of a definition, each with its path in the file."""

from collections.abc import Iterator, Mapping
from typing import Any

from overnight.campaign.goal.constraint_contradictions import impossible_constraints, readable_constraints
from overnight.campaign.goal.objective import WAYS_TO_AIM, readable_objectives
from overnight.campaign.problems import Problem, shown

# With more, nearly every point is on the front, and hypervolumes take long to compute.
MOST_OBJECTIVES = 6
_ONE_CURVE = "expected `rule: improbable` with several `objectives`, because the other rules compare a single metric"


def contradictory_objectives(campaign: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the contradictions of a definition's objectives with each other and with parts that need a single one."""
    written = [key for key in WAYS_TO_AIM if campaign.get(key) not in (None, (), [])]
    if len(written) != 1:
        found = " and ".join(f"`{key}`" for key in written) or "none of them"
        text = "expected either `minimize` or `maximize` with the name of a metric, or a `target`, or `objectives`"
        yield Problem((written[-1] if written else "minimize",), f"{text}, got {found}")
    objectives = campaign.get("objectives")
    if isinstance(objectives, list | tuple) and objectives:
        yield from _of_several(objectives, campaign)
    elif campaign.get("prefer") not in (None, (), []):
        yield Problem(("prefer",), "expected several `objectives`, between which it chooses, found one objective")


def _of_several(objectives: list[Any] | tuple[Any, ...], campaign: Mapping[str, Any]) -> Iterator[Problem]:
    if not 2 <= len(objectives) <= MOST_OBJECTIVES:
        hint = "; write `minimize` or `maximize` for a single one" if len(objectives) == 1 else ""
        text = f"expected 2 to {MOST_OBJECTIVES} objectives, got {len(objectives)}{hint}"
        yield Problem(("objectives",), text)
    seen: list[str] = []
    for position, objective in readable_objectives(objectives):
        if objective.metric in seen:
            text = f"expected each metric once, got {shown(objective.metric)} again"
            yield Problem(("objectives", position), text)
        seen.append(objective.metric)
    for position, preferred in readable_constraints(campaign.get("prefer")):
        if preferred.metric not in seen:
            text = f"expected the metric of an objective, such as {shown(seen[0]) if seen else 'one'}, "
            yield Problem(("prefer", position), f"{text}got {shown(preferred.metric)}")
    yield from impossible_constraints(campaign, "prefer")
    if (rule := _rule(campaign.get("stop_early"))) in ("median", "successive_halving"):
        yield Problem(("stop_early", "rule"), f"{_ONE_CURVE}, got {shown(rule)}")
    if campaign.get("solutions") is not None:
        text = "expected no `solutions` with several `objectives`, whose front already holds different configurations"
        yield Problem(("solutions",), f"{text}, got {shown(campaign['solutions'])}")
    if isinstance(campaign.get("confirm"), int):
        text = "expected `auto` or `never` with several `objectives`, which have no single best point to confirm"
        yield Problem(("confirm",), f"{text}, got {shown(campaign['confirm'])}")


def _rule(stop_early: Any) -> Any:
    return stop_early.get("rule") if isinstance(stop_early, Mapping) else getattr(stop_early, "rule", None)
