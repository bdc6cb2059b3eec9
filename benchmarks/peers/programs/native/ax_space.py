"""Ask Ax through its Client in the parameters themselves, with its generation method "fast" and no Sobol points.

Conditions are `dependent_parameters`. Ax wants a tree without shared branches, so a parameter that is active with
several choices is one parameter of Ax for each of them. Linear constraints are passed on; of shares that sum to one,
the last is left out, as in Ax's documentation. Other constraints have no word: such trials are marked as failed. Even
steps of a number are counted by an int, because Ax searches ordered choices on a scale that constraints do not allow.
"""

import logging
from dataclasses import dataclass
from typing import Any

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from told import Fit

from native.space_told import Point, SpaceTold, choices_of, step_of

PACKAGES = ("ax-platform", "botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class AxSpaceSession:
    """A client with its trials attached, observed ones first, so that a trial's index is its index into X."""

    client: Client
    told: SpaceTold

    def ask(self, q: int) -> tuple[list[Point], Fit | None]:
        """Get the next trials; Ax fits its model in this call."""
        return [from_ax(self.told, found) for found in self.client.get_next_trials(max_trials=q).values()], None

    def recommend(self) -> list[int]:
        """Return the trial that Ax's model predicts to be the best one."""
        # A rebuilt client has no model yet; a client that ran the campaign would have the model of its last ask.
        self.client.get_next_trials(max_trials=1)
        return [self.client.get_best_parameterization(use_model_predictions=True)[2]]


def rebuild(told: SpaceTold) -> AxSpaceSession:
    """Attach every trial to a new client; the transforms and the model's fit are left to the ask."""
    logging.getLogger("ax").setLevel(logging.ERROR)
    client = Client(random_seed=told.seed)
    client.configure_experiment(parameters=configs(told), parameter_constraints=constraints(told))
    client.configure_optimization(objective="-y0")
    client.configure_generation_strategy(
        method="fast", initialization_budget=0, initialize_with_center=False, initialization_random_seed=told.seed
    )
    for point, y in zip(told.X, told.y, strict=True):
        trial = client.attach_trial(parameters=to_ax(told, point))
        client.complete_trial(trial, raw_data={"y0": (y, 0.0) if told.exact else y})
    for point in told.failed:
        client.mark_trial_failed(client.attach_trial(parameters=to_ax(told, point)))
    for point in told.pending:
        client.attach_trial(parameters=to_ax(told, point))
    return AxSpaceSession(client, told)


def copies(told: SpaceTold, name: str) -> dict[Any, str]:
    """Return the names in Ax of a parameter, by the choice with which it is active; None stands for always."""
    when = told.parameters[name].get("when")
    if not when:
        return {None: name}
    [wanted] = when.values()
    return {choice: f"{name}_{choice}" for choice in choices_of(wanted)}


def configs(told: SpaceTold) -> list[RangeParameterConfig | ChoiceParameterConfig]:
    """Return the parameters as Ax is given them."""
    left_out = told.shares[-1:]
    return [
        _config(told, name, parameter, copy)
        for name, parameter in told.parameters.items()
        if name not in left_out
        for copy in copies(told, name).values()
    ]


def _config(
    told: SpaceTold, name: str, parameter: dict[str, Any], copy: str
) -> RangeParameterConfig | ChoiceParameterConfig:
    if parameter["kind"] in ("float", "int"):
        scale = "log" if parameter.get("scale") == "log" else "linear"
        bounds = (parameter["low"], parameter["high"])
        return RangeParameterConfig(name=copy, parameter_type=parameter["kind"], bounds=bounds, scaling=scale)
    values = parameter["choices"]
    if counted(parameter):
        return RangeParameterConfig(name=copy, parameter_type="int", bounds=(0, len(values) - 1))
    kind = {bool: "bool", str: "str", int: "int", float: "float"}[type(values[0])]
    dependents: dict[Any, list[str]] = {}
    for other in told.parameters:
        if name in (told.parameters[other].get("when") or {}):
            for choice, copied in copies(told, other).items():
                dependents.setdefault(choice, []).append(copied)
    return ChoiceParameterConfig(
        name=copy,
        parameter_type=kind,
        values=values,
        is_ordered=parameter["kind"] == "ordinal" or kind == "bool",
        dependent_parameters=dependents or None,
    )


def counted(parameter: dict[str, Any]) -> float | None:
    """Return the size of the steps if the values are counted."""
    return step_of(parameter["choices"]) if parameter["kind"] == "ordinal" else None


def constraints(told: SpaceTold) -> list[str]:
    """Return the linear constraints; the share that is left out must not be negative."""
    found = [_inequality(told, each) for each in told.linear if not each["equal"]]
    return found + ([f"{' + '.join(told.shares[:-1])} <= 1"] if told.shares else [])


def _inequality(told: SpaceTold, each: dict[str, Any]) -> str:
    terms, most = list[str](), each["most"]
    for name, weight in each["weights"].items():
        step = counted(told.parameters[name])
        terms.append(f"{weight * (step or 1.0)} * {name}")
        most -= weight * told.parameters[name]["choices"][0] if step else 0.0
    return f"{' + '.join(terms)} <= {most}"


def to_ax(told: SpaceTold, point: Point) -> Point:
    """Return a point with the names that Ax has."""
    found: Point = {}
    for name, value in point.items():
        when = told.parameters[name].get("when")
        choice = point[next(iter(when))] if when else None
        if name not in told.shares[-1:]:
            parameter = told.parameters[name]
            found[copies(told, name)[choice]] = parameter["choices"].index(value) if counted(parameter) else value
    return found


def from_ax(told: SpaceTold, found: Point) -> Point:
    """Return a point with the names of the campaign and the share that was left out."""
    point: Point = {}
    for name in told.parameters:
        if told.is_active(name, point) and name not in told.shares[-1:]:
            when = told.parameters[name].get("when")
            choice = point[next(iter(when))] if when else None
            value = found[copies(told, name)[choice]]
            parameter = told.parameters[name]
            point[name] = parameter["choices"][value] if counted(parameter) else value
    if told.shares:
        point[told.shares[-1]] = max(1.0 - sum(point[name] for name in told.shares[:-1]), 0.0)
    return point
