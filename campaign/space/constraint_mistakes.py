"""Mistakes in the constraints between parameters, each with its path in the file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from overnight.campaign.parameters import DerivedParameter, Value
from overnight.campaign.problems import Problem, shown, unknown_key
from overnight.campaign.space.dependencies import not_numbers
from overnight.campaign.space.equalities import solved
from overnight.campaign.space.parameters import Parameters
from overnight.campaign.values.comparison import Comparison


def constraint_mistakes(
    constraints: Sequence[tuple[int, Comparison]], parameters: Parameters, fixed: Mapping[str, Value]
) -> Iterator[Problem]:
    """Yield the mistakes in constraints, given with their positions in the file."""
    fine = list[Comparison]()
    for position, constraint in constraints:
        found = [*_texts(constraint, parameters)]
        if constraint in fine:
            found.append(f"expected each constraint once, got `{constraint}` again")
        if not found:
            try:
                determined = solved([*fine, constraint], parameters.root, fixed)
            except ValueError as problem:
                found.append(str(problem))
            else:
                if len(determined) + len(fixed) == len(parameters.tuned()):
                    found.append(f"expected equalities that leave something to tune, got `{constraint}` in addition")
        yield from (Problem(("parameter_constraints", position), text) for text in found)
        if not found:
            fine.append(constraint)


def readable_fixed(
    written: Any, parameters: Parameters, own: Collection[str]
) -> tuple[dict[str, Value], list[Problem]]:
    """Return the fixed values that are valid, in canonical types, and a problem for each other one.

    At least one of a campaign's `own` parameters must be left to tune.
    """
    found, problems = dict[str, Value](), list[Problem]()
    for name, value in written.items() if isinstance(written, Mapping) else ():
        if name not in parameters.tuned():
            problems.append(Problem(("fix", name), unknown_key(name, parameters.tuned())))
            continue
        try:
            found[name] = parameters.root[name].canonical(value)
        except ValueError as expected:
            problems.append(Problem(("fix", name), f"expected {expected}, got {shown(value)}"))
    if found and found.keys() >= {*own}:
        text = "expected at least one parameter that is not fixed, got a value for each"
        problems.append(Problem(("fix",), text))
    return found, problems


def _texts(constraint: Comparison, parameters: Parameters) -> Iterator[str]:
    yield from not_numbers(constraint.names, parameters.root)
    if not any(name in parameters.root and _can_change(name, parameters) for name in constraint.names):
        yield f"expected a constraint on a parameter that is tuned, got `{constraint}`"
    if constraint.is_equality:
        for name in constraint.names:
            if name in parameters.root and (what := _no_term(name, parameters)) is not None:
                yield f"expected an equality of parameters that are always active and not derived, got `{name}`: {what}"


def _can_change(name: str, parameters: Parameters) -> bool:
    return parameters.root[name].is_tuned or parameters.root[name].kind == "derived"


def _no_term(name: str, parameters: Parameters) -> str | None:
    """Return why a parameter cannot be part of an equality; None if it can."""
    parameter = parameters.root[name]
    if parameter.when is not None:
        return f"it is active only if {parameter.when}"
    return "it is derived" if isinstance(parameter, DerivedParameter) else None
