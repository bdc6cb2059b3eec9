"""Rebuild an Optuna study from a problem and ask it, with any sampler."""

from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial
from told import Fit, Told

PACKAGES = ("optuna", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class OptunaSession:
    """A study in memory, observed trials first, so that a trial's number is its index into X."""

    study: optuna.Study
    space: dict[str, BaseDistribution]
    told: Told

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Ask q times; earlier asks are running trials, and both samplers take running trials into account."""
        trials = [self.study.ask(self.space) for _ in range(q)]
        return [[trial.params[name] for name in self.space] for trial in trials], None

    def recommend(self) -> list[int]:
        """Return the study's own best trials: the measured front, or the best value if there is one objective."""
        if self.told.further:
            return [trial.number for trial in self.study.best_trials] or self.told.best_measured()
        try:
            return [self.study.best_trial.number]
        except ValueError:
            # Optuna has no best trial if none was feasible.
            return self.told.best_measured()


def rebuild_study(told: Told, sampler: BaseSampler) -> OptunaSession:
    """Add every trial to a new study.

    A long-lived sampler would start the GP's fit at its last hyperparameters; a rebuilt one makes a cold start.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["minimize"] * len(told.objectives), sampler=sampler)
    space: dict[str, BaseDistribution] = {f"x{i}": FloatDistribution(0.0, 1.0) for i in range(told.d)}

    def trial(point: list[float], state: TrialState, **result: Any) -> FrozenTrial:
        return create_trial(state=state, params=dict(zip(space, point, strict=True)), distributions=space, **result)

    def complete(i: int) -> FrozenTrial:
        constraints = {name: values[i] for name, values in told.limited.items()}
        values = [objective[i] for objective in told.objectives]
        return trial(told.X[i], TrialState.COMPLETE, values=values, constraints=constraints)

    study.add_trials(
        [complete(i) for i in range(len(told.X))]
        + [trial(point, TrialState.FAIL) for point in told.failed]
        + [trial(point, TrialState.RUNNING) for point in told.pending]
    )
    return OptunaSession(study, space, told)
