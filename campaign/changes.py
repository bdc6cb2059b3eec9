"""The differences between two definitions, and which of them define another campaign."""

import json
from collections.abc import Iterator
from typing import Any, get_args

from overnight.campaign import Campaign, Objective
from overnight.campaign.contexts.variables import FloatVariable, IntVariable
from overnight.campaign.parameters import Parameter
from overnight.campaign.parameters.kind import ParameterKind
from overnight.campaign.values.may_be_revised import MayBeRevised, revisable

_Path = tuple[str, ...]


def revisable_keys() -> tuple[str, ...]:
    """Return the keys that may change while a campaign runs.

    They are those of parameters and of the variables of a context, of objectives, and of the campaign.
    """
    kinds, _ = get_args(Parameter)
    marked, of_any = MayBeRevised.ON_REQUEST, revisable(ParameterKind, MayBeRevised.ON_REQUEST)
    every = (*get_args(kinds), FloatVariable, IntVariable)
    of_kinds = (key for kind in every for key in revisable(kind, marked) if key not in of_any)
    of_space, worst = revisable(Campaign, marked), revisable(Objective, MayBeRevised.FREELY)
    keys = (*of_kinds, *of_any, *of_space, *worst, *revisable(Campaign, MayBeRevised.FREELY))
    return tuple(dict.fromkeys(keys))


def differences(old: Campaign, new: Campaign, *, on_request: bool = False) -> list[str]:
    """Return one line for each change that makes it another campaign; `on_request` ignores those people may request.

    A field marked `MayBeRevised.FREELY` decides how the campaign runs, not which question it answers, and is ignored.
    """
    before, after = _leaves(old), _leaves(new)
    changed = [path for path in {**before, **after} if before.get(path) != after.get(path)]
    if on_request:
        free = _on_request(old, new)
        changed = [path for path in changed if not any(path[: len(each)] == each for each in free)]
    lines = [f"{'.'.join(path)}: was {_shown(before, path)}, is {_shown(after, path)}" for path in changed]
    was = [name for name in old.parameters.root if name in new.parameters.root]
    now = [name for name in new.parameters.root if name in old.parameters.root]
    if was != now:
        lines.append(f"parameters: the order was {', '.join(was)}, is {', '.join(now)}")
    return lines


def _on_request(old: Campaign, new: Campaign) -> set[_Path]:
    """Return the paths of everything that changes only on request."""
    free: set[_Path] = {(key,) for key in revisable(Campaign, MayBeRevised.ON_REQUEST)}
    if old.is_ab_test or new.is_ab_test:
        # Arms are compared with the status quo, which hence stays the same.
        free -= {("baseline",)}
    for name, parameter in new.parameters.items():
        before = old.parameters.root.get(name)
        free |= (
            {("parameters", name)}
            if before is None
            else {("parameters", name, key) for key in _keys_on_request(before, parameter)}
        )
    variables = {} if old.context is None or new.context is None else new.context.root
    for name, variable in variables.items():
        free |= {("context", name, key) for key in revisable(type(variable), MayBeRevised.ON_REQUEST)}
    return free


def _keys_on_request(old: Parameter, new: Parameter) -> set[str]:
    """Return the keys of a parameter that change only on request.

    A parameter may become `fixed`, and a fixed one may become tuned; then only its unit and its condition must stay.
    """
    if old.kind != new.kind and "fixed" in (old.kind, new.kind) and "derived" not in (old.kind, new.kind):
        return {*type(old).model_fields, *type(new).model_fields} - {"unit", "when"}
    marked = MayBeRevised.ON_REQUEST
    return {*revisable(type(old), marked)} & {*revisable(type(new), marked)}


def _leaves(campaign: Campaign) -> dict[_Path, str]:
    """Return the JSON text of each single value that may not change freely, keyed by its path."""
    free: dict[str, Any] = dict.fromkeys(revisable(Campaign, MayBeRevised.FREELY), True)
    kept = campaign.model_dump(mode="json", exclude_none=True, exclude=free)
    for objective in kept["objectives"]:
        for name in revisable(Objective, MayBeRevised.FREELY):
            objective.pop(name, None)
    return dict(_walk(kept, ()))


def _walk(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for position, inner in enumerate(value):
            yield from _walk(inner, (*path, str(position)))
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _shown(leaves: dict[_Path, str], path: _Path) -> str:
    return leaves.get(path, "absent")


def changed_keys(old: Campaign, new: Campaign) -> list[str]:
    """Return the keys of a campaign whose values differ."""
    return [name for name in Campaign.model_fields if getattr(old, name) != getattr(new, name)]
