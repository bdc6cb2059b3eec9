"""Which parameters depend on which others, and what is wrong with that."""

import math
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from overnight.campaign.parameters import DerivedParameter, Parameter
from overnight.campaign.parameters.condition import Condition, OneOf
from overnight.campaign.problems import Problem, Where, shown, unknown_key
from overnight.campaign.values.numbers import is_number
from overnight.campaign.values.read_only import ReadOnlyDict

# Conditions on a few discrete parameters are tried with every value.
_MOST_TRIED = 10_000


def needed_by(parameter: Parameter) -> tuple[str, ...]:
    """Return the names of the parameters on which one depends."""
    of_condition = () if parameter.when is None else parameter.when.names
    of_value = parameter.value.names if isinstance(parameter, DerivedParameter) else ()
    return tuple(dict.fromkeys((*of_condition, *of_value)))


def with_canonical_conditions(parameters: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    """Return the parameters such that conditions name values of grids as points have them: 0.3, not 0.1 + 0.2."""
    changed = {
        name: parameter.model_copy(update={"when": when})
        for name, parameter in parameters.items()
        if parameter.when is not None and (when := _canonical(parameter.when, parameters)) != parameter.when
    }
    return ReadOnlyDict({**parameters, **changed}) if changed else parameters


def _canonical(condition: Condition, parameters: Mapping[str, Parameter]) -> Condition:
    parts = (_on_grid(part, parameters.get(part.name)) if isinstance(part, OneOf) else part for part in condition.parts)
    return Condition(tuple(parts))


def _on_grid(part: OneOf, parameter: Parameter | None) -> OneOf:
    """Return the condition with the numbers of the parameter's grid; any other value stays as it is."""
    grid = None if parameter is None else parameter.grid
    if grid is None:
        return part
    equal = ((v, grid.equal_to(v) if is_number(v) and math.isfinite(v) else None) for v in part.values)
    return OneOf(part.name, tuple(value if found is None else found for value, found in equal))


def in_order(parameters: Mapping[str, Parameter]) -> tuple[str, ...]:
    """Return the names such that each follows those on which it depends; those in a cycle are left out."""
    placed = dict[str, None]()
    while True:
        ready = [n for n, p in parameters.items() if n not in placed and all(need in placed for need in needed_by(p))]
        if not ready:
            return tuple(placed)
        placed.update(dict.fromkeys(ready))


def mistakes(parameters: Mapping[str, Parameter]) -> Iterator[Problem]:
    """Yield the mistakes in conditions and calculations, each with its path below `parameters`."""
    for name, parameter in parameters.items():
        if isinstance(parameter, DerivedParameter):
            yield from _not_numbers((name, "value"), parameter.value.names, parameters)
        if parameter.when is not None:
            yield from _in_condition((name, "when"), parameter.when, parameters)
    if circling := _in_cycles(parameters):
        around = " and ".join(f"`{name}`" for name in circling)
        yield Problem((circling[0],), f"expected no parameter to depend on itself, got a cycle of {around}")


def not_numbers(names: tuple[str, ...], parameters: Mapping[str, Parameter]) -> Iterator[str]:
    """Yield what is wrong with each name in a calculation that is unknown or whose values are not numbers."""
    for name in names:
        if name not in parameters:
            hint = "; write spaces around `+`, `-` and `/`" if any(sign in name for sign in "+-/") else ""
            yield f"{unknown_key(name, parameters).replace('the unknown key', 'the unknown parameter')}{hint}"
        elif any(isinstance(value, str) for value in parameters[name].listed):
            yield f"expected a parameter whose values are numbers, got `{name}`, which has text"


def _in_cycles(parameters: Mapping[str, Parameter]) -> list[str]:
    """Return the parameters that depend on themselves, or lie between such ones."""
    placed = in_order(parameters)
    left = [name for name in parameters if name not in placed]
    while True:
        needed = {need for name in left for need in needed_by(parameters[name])}
        if len(kept := [name for name in left if name in needed]) == len(left):
            return left
        left = kept


def _not_numbers(where: Where, names: tuple[str, ...], parameters: Mapping[str, Parameter]) -> Iterator[Problem]:
    return (Problem(where, text) for text in not_numbers(names, parameters))


def _in_condition(where: Where, when: Condition, parameters: Mapping[str, Parameter]) -> Iterator[Problem]:
    found = list[Problem]()
    for part in when.parts:
        if not isinstance(part, OneOf):
            texts = [name for name in part.names if _has_text(parameters.get(name))]
            if texts:
                text = f"expected a comparison of numbers, got `{part}`; write `{{{texts[0]}: …}}` for a choice"
                found.append(Problem(where, text))
            else:
                found += _not_numbers(where, part.names, parameters)
        elif part.name not in parameters:
            text = unknown_key(part.name, parameters).replace("the unknown key", "the unknown parameter")
            found.append(Problem(where, text))
        else:
            found += [Problem((*where, part.name), text) for text in _not_values(part, parameters[part.name])]
    yield from found
    if not found and not _can_hold(when, parameters):
        yield Problem(where, f"expected a condition that can be true, got `{when}`, which is true for no values")


def _has_text(parameter: Parameter | None) -> bool:
    return parameter is not None and any(isinstance(value, str) for value in parameter.listed)


def _not_values(part: OneOf, parameter: Parameter) -> Iterator[str]:
    if parameter.geometry == "real" or isinstance(parameter, DerivedParameter):
        yield f"expected a comparison for a real number, such as `{part.name} <= {shown(part.values[0])}`"
        return
    for value in part.values:
        try:
            parameter.canonical(value)
        except ValueError as expected:
            yield f"expected {expected}, got {shown(value)}"


def _can_hold(when: Condition, parameters: Mapping[str, Parameter]) -> bool:
    """Return whether a condition on discrete parameters is true for any of their values; True if it is not tried."""
    levels = [parameters[name].levels for name in when.names]
    counts = [len(values) for values in levels if values is not None]
    if len(counts) < len(levels) or prod(counts) > _MOST_TRIED:
        return True
    every = product(*(values or () for values in levels))
    return any(when.holds(dict(zip(when.names, values, strict=True))) for values in every)
