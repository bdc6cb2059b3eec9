"""Ask Ax through its Client, with its default generation strategy ("fast") and without Sobol points of its own.

Failed trials are passed as failed. Ax's model does not see them, and Ax may suggest them again.
"""

import logging
from dataclasses import dataclass

from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from told import Fit, Told

PACKAGES = ("ax-platform", "botorch", "gpytorch", "linear_operator", "torch", "scipy", "numpy")


@dataclass(frozen=True)
class AxSession:
    """A client with its trials attached, observed ones first, so that a trial's index is its index into X."""

    client: Client
    names: list[str]
    told: Told

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Get the next trials; Ax fits its model in this call.

        Ax chooses them in q searches for one point each. Running trials are pending in every search.
        """
        trials = self.client.get_next_trials(max_trials=q)
        return [[float(parameters[name]) for name in self.names] for parameters in trials.values()], None

    def recommend(self) -> list[int]:
        """Return the feasible trials that Ax's model predicts to be the best one, or the front of those measured."""
        # A rebuilt client has no model yet; a client that ran the campaign would have the model of its last ask.
        self.client.get_next_trials(max_trials=1)
        if self.told.further:
            return self.front() or self.told.best_measured()
        try:
            return [self.client.get_best_parameterization(use_model_predictions=True)[2]]
        except (AssertionError, ValueError):
            # Ax has no best trial if it believes none to be feasible.
            if not self.told.limited:
                raise
            return self.told.best_measured()

    def front(self) -> list[int]:
        """Return the trials that Ax predicts to be feasible, up to the worst values, and not worse than another one."""
        return [trial for _, _, trial, _ in self.client.get_pareto_frontier(use_model_predictions=True)]


def rebuild(told: Told) -> AxSession:
    """Attach every trial to a new client; the transforms and the model's fit are left to the ask."""
    logging.getLogger("ax").setLevel(logging.ERROR)
    client = Client(random_seed=told.seed)
    names = [f"x{i}" for i in range(told.d)]
    client.configure_experiment(
        parameters=[RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0)) for name in names]
    )
    # Ax refuses metrics with the names of functions, such as `limit`.
    limited = {f"limited_{name}": values for name, values in told.limited.items()}
    objectives = {f"y{i}": values for i, values in enumerate(told.objectives)}
    # Ax takes a constraint on an objective for its threshold, which is its part of the reference point.
    worst = [f"{name} <= {value}" for name, value in zip(objectives, told.worst, strict=False)]
    client.configure_optimization(
        objective=", ".join(f"-{name}" for name in objectives),
        outcome_constraints=[*worst, *(f"{name} <= 0" for name in limited)],
    )
    client.configure_generation_strategy(
        method="fast", initialization_budget=0, initialize_with_center=False, initialization_random_seed=told.seed
    )

    def attach(point: list[float]) -> int:
        return client.attach_trial(parameters=dict(zip(names, point, strict=True)))

    for i, point in enumerate(told.X):
        means = {name: values[i] for name, values in {**objectives, **limited}.items()}
        client.complete_trial(attach(point), raw_data={k: (v, 0.0) for k, v in means.items()} if told.exact else means)
    for point in told.failed:
        client.mark_trial_failed(attach(point))
    for point in told.pending:
        attach(point)
    return AxSession(client, names, told)
