"""What has changed between two definitions of one campaign, in words for whoever changed it."""

import json
from collections.abc import Iterator
from typing import Any

from overnight.campaign import Campaign
from overnight.campaign.space import FloatParameter, IntParameter

_FREE_TO_CHANGE = frozenset(
    {
        "approve",
        "budget.cost",
        "budget.evaluations",
        "budget.trials",
        "budget.wall_clock",
        "description",
        "failures.back_off",
        "failures.longest_back_off",
        "failures.max_attempts",
        "failures.max_in_a_row",
        "failures.on_timeout",
        "failures.when_unknown",
        "stop_early.after_step",
        "stop_early.after_trials",
        "stop_early.first_step",
        "stop_early.reduction",
        "stop_early.rule",
        "stop_when.advice_only",
        "stop_when.expected_gain_below",
        "stop_when.in_a_row",
        "window.days",
        "window.from",
        "window.running",
        "window.to",
        "window.zone",
        "workers",
    }
)


def differences(old: Campaign, new: Campaign, *, but_bounds: bool = False) -> list[str]:
    """Return a line for each change that makes it another campaign; bounds do not, if a person says so.

    Budget, window and workers may change between two runs: they say how long and when to go on, not what is asked.
    """
    before, after = _leaves(old), _leaves(new)
    free = _bounds(old) & _bounds(new) if but_bounds else frozenset[str]()
    changed = [path for path in {**before, **after} if before.get(path) != after.get(path) and path not in free]
    lines = [f"{path}: was {_said(before, path)}, is {_said(after, path)}" for path in changed]
    was, now = list(old.parameters.root), list(new.parameters.root)
    if was != now and set(was) == set(now):
        lines.append(f"parameters: the order was {', '.join(was)}, is {', '.join(now)}")
    return lines


def _bounds(campaign: Campaign) -> frozenset[str]:
    """Return the paths of the bounds of all numbers."""
    numbers = [n for n, p in campaign.parameters.items() if isinstance(p, FloatParameter | IntParameter)]
    return frozenset(f"parameters.{name}.{end}" for name in numbers for end in ("low", "high"))


def _leaves(campaign: Campaign) -> dict[str, str]:
    """Return the JSON text of each single value by its path, of those that may not change."""
    leaves = dict(_walk(campaign.model_dump(mode="json", exclude_none=True), ""))
    return {
        path: text for path, text in leaves.items() if path not in _FREE_TO_CHANGE and not path.startswith("approve.")
    }


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for position, inner in enumerate(value):
            yield from _walk(inner, f"{path}.{position}")
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _said(leaves: dict[str, str], path: str) -> str:
    return leaves.get(path, "absent")
