"""Ask SMAC3's facade for hyperparameter optimisation in the parameters themselves: a random forest and log EI.

Conditions are those of ConfigSpace. It has no constraints between parameters other than relations of two, so that a
point that is not allowed is a crashed trial with the worst cost so far. Running trials are in the run history, where
they keep their points from being proposed again; the model does not know them. With `deterministic`, each point is
evaluated once, as in all other peers.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from ConfigSpace import (
    AndConjunction,
    CategoricalHyperparameter,
    Configuration,
    ConfigurationSpace,
    InCondition,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from ConfigSpace.hyperparameters import Hyperparameter
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialInfo, TrialValue
from smac.runhistory.enumerations import StatusType
from told import Fit

from native.shares import LEAST, normalised, suggested
from native.space_told import Point, SpaceTold, choices_of

PACKAGES = ("smac", "ConfigSpace", "scikit-learn", "numpy")
# A deterministic scenario has one seed, for which its facade asks.
_SEED = 0


@dataclass(frozen=True)
class SmacSession:
    """A facade that was told each trial."""

    facade: HyperparameterOptimizationFacade
    told: SpaceTold

    def ask(self, q: int) -> tuple[list[Point], Fit | None]:
        """Ask q times; earlier asks are running trials."""
        return [point_of(self.told, self.facade.ask().config) for _ in range(q)], None

    def recommend(self) -> list[int]:
        """Return the incumbent of a deterministic scenario: the best measured point."""
        return self.told.best_measured()


def rebuild(told: SpaceTold) -> SmacSession:
    """Tell every trial to a new facade without an initial design of its own."""
    logging.getLogger("smac").setLevel(logging.ERROR)
    space = space_of(told)
    scenario = Scenario(
        space, deterministic=True, n_trials=100_000, seed=told.seed, output_directory=Path(gettempdir()) / "smac"
    )
    facade = HyperparameterOptimizationFacade(
        scenario,
        _never_called,
        initial_design=HyperparameterOptimizationFacade.get_initial_design(scenario, n_configs=0),
        config_selector=HyperparameterOptimizationFacade.get_config_selector(scenario, retrain_after=1),
        overwrite=True,
        logging_level=False,
    )
    for point, y in zip(told.X, told.y, strict=True):
        facade.tell(_trial(told, space, point), TrialValue(cost=y), save=False)
    for point in told.failed:
        crashed = TrialValue(cost=max(told.y), status=StatusType.CRASHED)
        facade.tell(_trial(told, space, point), crashed, save=False)
    for point in told.pending:
        facade.runhistory.add_running_trial(_trial(told, space, point))
    return SmacSession(facade, told)


def space_of(told: SpaceTold) -> ConfigurationSpace:
    """Return the parameters and their conditions as SMAC is given them."""
    space = ConfigurationSpace(seed=told.seed)
    space.add(_hyperparameter(told, name) for name in told.parameters)
    for name, parameter in told.parameters.items():
        conditions = [
            InCondition(space[name], space[other], [_known(told, other, value) for value in choices_of(wanted)])
            for other, wanted in (parameter.get("when") or {}).items()
        ]
        if conditions:
            space.add(AndConjunction(*conditions) if len(conditions) > 1 else conditions[0])
    return space


def _hyperparameter(told: SpaceTold, name: str) -> Hyperparameter[Any, Any]:
    parameter = told.parameters[name]
    log = parameter.get("scale") == "log"
    if name in told.shares:
        return UniformFloatHyperparameter(name, LEAST, 1.0)
    match parameter["kind"]:
        case "float":
            return UniformFloatHyperparameter(name, parameter["low"], parameter["high"], log=log)
        case "int":
            return UniformIntegerHyperparameter(name, parameter["low"], parameter["high"], log=log)
        case kind:
            places = range(len(parameter["choices"]))
            return (OrdinalHyperparameter if kind == "ordinal" else CategoricalHyperparameter)(name, [*places])


def _known(told: SpaceTold, name: str, value: Any) -> Any:
    """Return a value as SMAC has it: choices are known by their places, so that their types do not matter."""
    choices = told.parameters[name].get("choices")
    return value if choices is None else choices.index(value)


def _trial(told: SpaceTold, space: ConfigurationSpace, point: Point) -> TrialInfo:
    numbers = suggested(point, told.shares)
    values = {name: _known(told, name, value) for name, value in numbers.items()}
    return TrialInfo(Configuration(space, values=values), seed=_SEED)


def point_of(told: SpaceTold, found: Configuration) -> Point:
    """Return a configuration as a point of the campaign's parameters."""
    point: Point = {}
    for name, parameter in told.parameters.items():
        if told.is_active(name, point):
            value = found[name]
            plain = value.item() if isinstance(value, np.generic) else value
            choices = parameter.get("choices")
            point[name] = plain if choices is None else choices[int(plain)]
    return normalised(point, told.shares)


def _never_called(config: Configuration, seed: int = 0) -> float:
    """Stand for the function of the trials, which are evaluated elsewhere."""
    return math.nan
