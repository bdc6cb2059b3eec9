"""The differences between two definitions, and which of them define another campaign."""

import json
from collections.abc import Iterator
from typing import Any, get_args

from overnight.campaign import Campaign, Objective
from overnight.campaign.contexts.variables import FloatVariable, IntVariable
from overnight.campaign.parameters import Parameter
from overnight.campaign.values.may_be_revised import MayBeRevised, revisable


def revisable_keys() -> tuple[str, ...]:
    """Return the keys that may change while a campaign runs.

    They are those of parameters and of the variables of a context, of objectives, and of the campaign.
    """
    kinds, _ = get_args(Parameter)
    every = (*get_args(kinds), FloatVariable, IntVariable)
    of_parameters = (key for kind in every for key in revisable(kind, MayBeRevised.ON_REQUEST))
    of_space, worst = revisable(Campaign, MayBeRevised.ON_REQUEST), revisable(Objective, MayBeRevised.FREELY)
    return (*dict.fromkeys(of_parameters), *of_space, *worst, *revisable(Campaign, MayBeRevised.FREELY))


def differences(old: Campaign, new: Campaign, *, on_request: bool = False) -> list[str]:
    """Return one line for each change that makes it another campaign; `on_request` ignores those people may request.

    A field marked `MayBeRevised.FREELY` decides how the campaign runs, not which question it answers, and is ignored.
    """
    before, after = _leaves(old), _leaves(new)
    free = _on_request(old) & _on_request(new) if on_request else frozenset[str]()
    changed = [path for path in {**before, **after} if before.get(path) != after.get(path) and path not in free]
    lines = [f"{path}: was {_shown(before, path)}, is {_shown(after, path)}" for path in changed]
    was, now = list(old.parameters.root), list(new.parameters.root)
    if was != now and set(was) == set(now):
        lines.append(f"parameters: the order was {', '.join(was)}, is {', '.join(now)}")
    return lines


def _on_request(campaign: Campaign) -> frozenset[str]:
    """Return the paths of everything that changes only on request: bounds, choices, and constraints between them."""
    marked, parameters = MayBeRevised.ON_REQUEST, campaign.parameters.items()
    of_parameters = [f"parameters.{name}.{key}" for name, each in parameters for key in revisable(type(each), marked)]
    variables = () if campaign.context is None else campaign.context.root.items()
    of_contexts = (f"context.{name}.{key}" for name, each in variables for key in revisable(type(each), marked))
    return frozenset((*of_parameters, *of_contexts, *revisable(Campaign, marked)))


def _leaves(campaign: Campaign) -> dict[str, str]:
    """Return the JSON text of each single value that may not change freely, keyed by its path."""
    free: dict[str, Any] = dict.fromkeys(revisable(Campaign, MayBeRevised.FREELY), True)
    kept = campaign.model_dump(mode="json", exclude_none=True, exclude=free)
    for objective in kept["objectives"]:
        for name in revisable(Objective, MayBeRevised.FREELY):
            objective.pop(name, None)
    return dict(_walk(kept, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for position, inner in enumerate(value):
            yield from _walk(inner, f"{path}.{position}")
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _shown(leaves: dict[str, str], path: str) -> str:
    return leaves.get(path, "absent")
