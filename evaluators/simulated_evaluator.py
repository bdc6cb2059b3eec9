"""Evaluate a point on a function with a known optimum, for tests and benchmarks."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from overnight.campaign import (
    Campaign,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
)
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.parameters import Value
from overnight.campaign.result import noise_problem
from overnight.campaign.values.duration import Duration
from overnight.campaign.values.numbers import Real, Truth
from overnight.evaluators.evaluator import Report
from overnight.evaluators.kind import EvaluatorKind
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.evaluators.synthetic_functions import SYNTHETIC_FUNCTIONS, SyntheticFunction


class SimulatedEvaluator(EvaluatorKind):
    """Compute a synthetic function of the parameters, in the campaign's order and in the function's own units.

    `noise` is the standard deviation of the added noise, which depends on the request's seed; with `report_sem` it is
    reported as the standard error. `seconds` is how long an evaluation takes. `failure_rate` is the probability that
    an attempt fails.
    """

    kind: Literal["simulated"] = "simulated"
    function: Literal["branin", "hartmann3", "hartmann6", "ackley", "levy"]
    noise: Annotated[Real, Field(ge=0, allow_inf_nan=False)] = 0.0
    report_sem: Truth = False
    seconds: Duration | None = None
    failure_rate: Annotated[Real, Field(ge=0, le=1)] = 0.0
    time_limit: Duration = timedelta(days=1)

    @property
    def synthetic(self) -> SyntheticFunction:
        """Return the function with its domain and its optimum."""
        return SYNTHETIC_FUNCTIONS[self.function]

    def true_value(self, point: Mapping[str, Value]) -> float:
        """Return the function's value without noise."""
        return self.synthetic.value(np.array([float(value) for value in point.values()]))

    @property
    def grace(self) -> timedelta:
        """Return zero: there are no processes to end."""
        return timedelta()

    def described(self) -> str:
        """Return the function's name."""
        return self.function

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition unless the function can take the parameters and the campaign accepts its noise."""
        problems = metric_problems(campaign, (campaign.metric_of_number,))
        expected, found = self.synthetic.dimension, len(list(campaign.parameters_of_point.items()))
        if expected is not None and found != expected:
            problems.append(f"`parameters`: expected {expected} for `{self.function}`, found {found}")
        if campaign.fidelity is not None:
            text = "expected no fidelity, which a simulated function does not have, found one"
            problems.append(f"`fidelity.{campaign.fidelity.name}`: {text}")
        for name, parameter in campaign.parameters_of_point.items():
            if parameter.bounds is None:
                problems.append(f"`parameters.{name}`: expected a float or int parameter, found {parameter.kind}")
            elif parameter.when is not None:
                problems.append(f"`parameters.{name}.when`: expected a parameter that is always active, found `when`")
        if (contradiction := noise_problem(campaign, {campaign.objective.metric: self._measured(0.0)})) is not None:
            problems.append(f"`evaluator.report_sem`: {contradiction}")
        if problems:
            raise InvalidDefinition(problems)

    def _measured(self, mean: float) -> Measurement:
        return Measurement(mean=mean, sem=self.noise if self.report_sem else None)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Return the function's value after the configured time."""
        del folder, report
        expected, found = self.synthetic.dimension, len(request.parameters)
        if expected not in (None, found):
            names = ", ".join(request.parameters)
            message = f"`{self.function}` is a function of {expected} parameters, found {found} at this point: {names}"
            return EvaluationFailed(cause="configuration", message=message)
        if self.seconds is not None:
            await asyncio.sleep(self.seconds.total_seconds())
        # A later attempt may succeed, but it measures the same noise, which depends on the trial alone.
        if np.random.default_rng([request.seed, request.attempt]).random() < self.failure_rate:
            return EvaluationFailed(cause="infrastructure", message="a simulated failure")
        mean = self.true_value(request.parameters) + self.noise * np.random.default_rng(request.seed).standard_normal()
        return EvaluationSucceeded(metrics={request.objective: self._measured(mean)})

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return None: a simulated evaluation dies with its controller."""
        del request, folder, report
        return None
