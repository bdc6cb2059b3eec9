"""Rebuild a study that is defined by its run, as users of Optuna write it, and ask it with any sampler.

A parameter is only suggested if it is active. Shares are normalised logarithms of uniform numbers, as in Optuna's FAQ.
A point that is not allowed is not evaluated: its trial has the `constraints`, which replace `constraints_func` in
version 5, and is pruned, or has a penalty, the worst value so far, for the sampler that reads completed trials only.
"""

from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial
from told import Fit

from native.shares import LEAST, normalised, suggested
from native.space_told import Point, SpaceTold, step_of

PACKAGES = ("optuna", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class SpaceSession:
    """A study in memory, observed trials first, so that a trial's number is its index into X."""

    study: optuna.Study
    told: SpaceTold
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)

    def ask(self, q: int) -> tuple[list[Point], Fit | None]:
        """Ask q times; earlier asks are running trials."""
        return [self.suggested(self.study.ask()) for _ in range(q)], None

    def suggested(self, trial: optuna.Trial) -> Point:
        """Suggest each parameter that is active, given those before it."""
        values: Point = {}
        for name in self.told.parameters:
            if self.told.is_active(name, values):
                values[name] = _listed(self.told.parameters[name], _suggest(trial, name, self.distributions[name]))
        return normalised(values, self.told.shares)

    def recommend(self) -> list[int]:
        """Return the best of the trials that were evaluated."""
        return self.told.best_measured()


def rebuild_space(told: SpaceTold, sampler: BaseSampler, *, penalty: bool) -> SpaceSession:
    """Add every trial to a new study; with `penalty`, those that are not allowed count as completed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    distributions = {
        name: FloatDistribution(LEAST, 1.0) if name in told.shares else _distribution(parameter)
        for name, parameter in told.parameters.items()
    }

    def trial(point: Point, state: TrialState, excess: list[float], **result: Any) -> FrozenTrial:
        return create_trial(
            state=state,
            params=suggested(point, told.shares),
            distributions={name: distributions[name] for name in point},
            constraints={f"c{i}": value for i, value in enumerate(excess)},
            **result,
        )

    evaluated = [
        trial(point, TrialState.COMPLETE, excess, value=y)
        for point, y, excess in zip(told.X, told.y, told.excess["X"], strict=True)
    ]
    refused = zip(told.failed, told.excess["failed"], strict=True)
    state, result = (TrialState.COMPLETE, {"value": max(told.y)}) if penalty else (TrialState.PRUNED, {})
    study.add_trials(
        evaluated
        + [trial(point, state, excess, **result) for point, excess in refused]
        + [trial(point, TrialState.RUNNING, []) for point in told.pending]
    )
    return SpaceSession(study, told, distributions)


def _distribution(parameter: dict[str, Any]) -> BaseDistribution:
    if parameter["kind"] in ("float", "int"):
        kind = FloatDistribution if parameter["kind"] == "float" else IntDistribution
        return kind(parameter["low"], parameter["high"], log=parameter.get("scale") == "log")
    choices = parameter["choices"]
    step = step_of(choices) if parameter["kind"] == "ordinal" else None
    return CategoricalDistribution(choices) if step is None else FloatDistribution(choices[0], choices[-1], step=step)


def _listed(parameter: dict[str, Any], value: Any) -> Any:
    """Return a value without the rounding errors of Optuna's steps."""
    if parameter["kind"] != "ordinal" or not isinstance(value, float):
        return value
    return min(parameter["choices"], key=lambda choice: abs(choice - value))


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    match distribution:
        case FloatDistribution():
            return trial.suggest_float(
                name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
            )
        case IntDistribution():
            return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)
        case other:
            raise TypeError(f"expected a float, an int or choices, got {other}")
