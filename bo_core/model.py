"""The surrogate of a campaign: encoded and standardised observations, and the posterior given them."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from overnight.bo_core.data.runs import OWN
from overnight.bo_core.data.state import Observed
from overnight.bo_core.fitting import Fitting
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.bo_core.surrogate import Belief, Hyperparameters, Posterior, TrainingData
from overnight.bo_core.surrogate.climbs import StartEnd
from overnight.bo_core.surrogate.distance import DistanceBelief
from overnight.bo_core.surrogate.errors import BatchShifts
from overnight.bo_core.surrogate.errors.lower import Lower
from overnight.bo_core.surrogate.hyperparameters import errors_of_record, theta_of_record
from overnight.bo_core.tail_width import with_likeliest_tail
from overnight.bo_core.target_prediction import distance_prediction, metric_prediction
from overnight.campaign import History
from overnight.campaign.errors import CannotPropose, ModelFailed
from overnight.campaign.history.provenance import ModelCode, Prediction, Provenance

# A single fit of fewer observations gains nothing from a GPU (estimated, not measured here).
_LEAST_FOR_CUDA = 1000
# The fewest distinct observations that count as many.
_FEWEST_FOR_MANY = 512


@dataclass(frozen=True)
class Model:
    """A surrogate with the data that it is conditioned on; `starts` record how it was fitted, if it was.

    `tail_width` is the width that was chosen by likelihood, or None. Standard deviations are `honest` if they are those
    of the metric even in a compressed tail; older versions did not provide that. `code` identifies a model of the
    campaign's own.
    """

    observed: Observed
    data: TrainingData
    posterior: Belief
    starts: tuple[StartEnd, ...] = ()
    tail_width: float | None = None
    honest: bool = True
    code: ModelCode | None = None

    @classmethod
    def of(
        cls,
        observed: Observed,
        proposer: BayesianProposer,
        generator: torch.Generator,
        last: Provenance | None = None,
        *,
        sets: int = 1,
    ) -> "Model":
        """Fit to the observations.

        Beliefs are averaged over `sets` of hyperparameters; a single one is the likeliest. `last` is the provenance
        of the model's last proposal.
        """
        observed, width = _with_plain_tails(observed, proposer), None
        if proposer.tails == "auto" and not observed.plain:
            observed, width = with_likeliest_tail(observed, proposer)
        data, honest = _data(observed, proposer), proposer.tails != "compressed"
        if isinstance(proposer.surrogate, GpytorchSurrogate):
            _refuse_batches(observed)
            belief = _gpytorch().fitted(proposer.surrogate, observed.X, observed.outcomes, data.X)
            return cls(observed, data, _about(observed, belief), belief.starts, width, honest, belief.code)
        fitting = Fitting(data, proposer, generator, last, observed.objective.metric, observed.noise_unit)
        found = fitting.best()
        return cls(observed, data, _about(observed, fitting.believed(found, sets)), found.starts, width, honest)

    @classmethod
    def recalled(
        cls,
        observed: Observed,
        proposer: BayesianProposer,
        generator: torch.Generator,
        last: Provenance | None = None,
        *,
        record: Mapping[str, tuple[float, ...]],
        jitter: float,
        tail_width: float | None = None,
    ) -> "Model":
        """Return the model that `of` found, from its record.

        Nothing is fitted, but as many numbers are taken from the generator, so that later steps see the same numbers.
        """
        observed = _with_plain_tails(observed, proposer)
        if proposer.tails == "auto" and not observed.plain:
            observed = observed.with_tail_width(tail_width)
        data, honest = _data(observed, proposer), proposer.tails != "compressed"
        if isinstance(proposer.surrogate, GpytorchSurrogate):
            _refuse_batches(observed)
            belief = _gpytorch().recalled(proposer.surrogate, observed.X, observed.outcomes, data.X, record)
            return cls(observed, data, _about(observed, belief), (), tail_width, honest, belief.code)
        theta = theta_of_record(record, data.groups.count)
        assert theta is not None, "expected hyperparameters of this space"
        errors = None if data.errors is None else data.errors.kind
        if errors_of_record(record) != errors:
            raise ModelFailed("Expected a record of the errors that results of this campaign share, found another one.")
        fitting = Fitting(data, proposer, generator, last, observed.objective.metric, observed.noise_unit)
        fitting.take_numbers(*theta.shape)
        hyperparameters = Hyperparameters(theta, data.groups.count, proposer.kernel, jitter, errors)
        return cls(observed, data, _about(observed, Posterior.of(data, hyperparameters)), (), tail_width, honest)

    @property
    def lower(self) -> Lower:
        """Return the beliefs about outcomes at lower fidelities, which a campaign with a fidelity has."""
        assert isinstance(self.posterior, Posterior), "only the built-in surrogate knows fidelities"
        return Lower.of(self.posterior)

    @property
    def device(self) -> torch.device:
        """Return the device that holds the model."""
        return self.data.X.device

    def predicted(
        self, X: torch.Tensor, widening: float = 1.0, missing: float = 0.0, run: int = OWN
    ) -> tuple[float, float]:
        """Return the mean and the standard deviation, times `widening`, at features X [1, d], in the metric's unit.

        They are those of an outcome of this `run`, of which so much of the full fidelity is `missing`.
        """
        if isinstance(self.posterior, DistanceBelief):
            [distance] = self.predictions(X, widening)
            assert distance.sd is not None
            return distance.mean, distance.sd
        [(mean, sd)] = self._averaged(X, widening, missing, run)
        return self.observed.outcomes.mean_in_units(mean), self._spread(mean, sd)

    def interval(self, X: torch.Tensor, widening: float = 1.0) -> tuple[float, float]:
        """Return the interval that is believed to hold 90 % at features X [1, d], in the metric's own unit."""
        [belief] = self._averaged(X, widening)
        return self.observed.outcomes.interval_in_units(*belief)

    def prediction(self, x: torch.Tensor, widening: float = 1.0, missing: float = 0.0, run: int = OWN) -> Prediction:
        """Return the belief about features x [1, d], in the metric's own unit, with sds multiplied by `widening`.

        It is about an outcome of this `run`, of which so much of the full fidelity is `missing`.
        """
        [found] = self.predictions(x, widening, missing, run)
        return found

    def predictions(
        self, X: torch.Tensor, widening: float = 1.0, missing: float = 0.0, run: int = OWN
    ) -> list[Prediction]:
        """Return the beliefs about features X [b, d], each as `prediction` returns it."""
        if isinstance(self.posterior, DistanceBelief):
            beliefs = _averages(self.posterior.metric, X.to(self.device), widening)
            return [distance_prediction(self.observed.outcomes, *each) for each in beliefs]
        outcomes, found = self.observed.outcomes, []
        for mean, sd in self._averaged(X, widening, missing, run):
            low, high = outcomes.interval_in_units(mean, sd)
            spread = self._spread(mean, sd)
            found.append(Prediction(mean=outcomes.mean_in_units(mean), sd=spread, low=low, high=high))
        return found

    def of_target(self, x: torch.Tensor, widening: float = 1.0) -> dict[str, Prediction]:
        """Return the belief about the metric of a target at features x [1, d], by its name; none without a target."""
        target = self.observed.target
        if target is None or not isinstance(self.posterior, DistanceBelief):
            return {}
        [belief] = _averages(self.posterior.metric, x.to(self.device), widening)
        return {target.metric: metric_prediction(self.observed.outcomes, *belief)}

    def _averaged(
        self, X: torch.Tensor, widening: float, missing: float = 0.0, run: int = OWN
    ) -> list[tuple[float, float]]:
        X = X.to(self.device)
        if not missing:
            return _averages(self.posterior, X, widening)
        runs = None if run == OWN else torch.full((len(X),), run, device=X.device)
        beliefs = self.lower.averaged(X, X.new_full((len(X),), missing), runs)
        means, sds = (found.tolist() for found in beliefs)
        return [(mean, widening * sd) for mean, sd in zip(means, sds, strict=True)]

    def _spread(self, mean: float, sd: float) -> float:
        outcomes = self.observed.outcomes
        return outcomes.spread_in_units(mean, sd) if self.honest else outcomes.sd_in_units(sd)


# The model of each metric, by the metric's name.
Beliefs = Mapping[str, Model]


def _averages(belief: Belief, X: torch.Tensor, widening: float) -> list[tuple[float, float]]:
    """Return the mean and the standard deviation, times `widening`, at each of the features X [b, d]."""
    means, sds = (found.tolist() for found in belief.averaged(X))
    return [(mean, widening * sd) for mean, sd in zip(means, sds, strict=True)]


def _about(observed: Observed, belief: Belief) -> Belief:
    """Return a belief about the outcomes as one about the objective, which is a distance if there is a target."""
    wanted = observed.outcomes.wanted
    return belief if wanted is None else DistanceBelief(belief, wanted.at)


def _with_plain_tails(observed: Observed, proposer: BayesianProposer) -> Observed:
    """Return the observations, with tails compressed as in older versions unless the proposer leaves them plain."""
    return observed.with_tail_width(None) if proposer.tails == "plain" and not observed.plain else observed


def _gpytorch() -> Any:
    """Return the class of gpytorch beliefs; imported only if needed, because importing gpytorch takes seconds."""
    return importlib.import_module("overnight.bo_core.gpytorch_models.belief").GpytorchBelief


def _refuse_batches(observed: Observed) -> None:
    if observed.batches is not None:
        raise CannotPropose(
            "`proposer.surrogate`: expected `exact` in an A/B test, whose model knows that batches drift, "
            "found `gpytorch`."
        )


def _data(observed: Observed, proposer: BayesianProposer) -> TrainingData:
    """Return the observations as training data on the model's device."""
    outcomes, extra = observed.outcomes, proposer.extra_noise and not observed.exact
    y, variance, device = outcomes.y, outcomes.variance, device_for(proposer, len(observed.trials))
    if observed.batches is not None:
        shifts = BatchShifts(torch.tensor(observed.batches))
        return TrainingData.single(observed.X, y, variance, observed.groups, extra_noise=extra, errors=shifts).to(
            device
        )
    missing = None if observed.missing is None else torch.tensor(observed.missing, dtype=torch.float64)
    runs = None if observed.runs is None else torch.tensor(observed.runs)
    data = TrainingData.of(observed.X, y, variance, observed.groups, extra_noise=extra, missing=missing, runs=runs)
    many = (
        missing is None and proposer.fits == "quick" and len(data.y) >= _FEWEST_FOR_MANY and not _has_indicators(data.X)
    )
    return replace(data, many=many).to(device)


def _has_indicators(X: torch.Tensor) -> bool:
    """Return whether a feature is 0 or 1 everywhere, as those of categories are: they have no neighbourhoods."""
    return bool(((X == 0.0) | (X == 1.0)).all(0).any())


def last_made_by_model(history: History) -> Provenance | None:
    """Return the provenance of the model's last proposal; its hyperparameters are the next fit's warm start."""
    by_model = [t for t in history.trials.values() if t.proposal.generator in ("model", "checking")]
    return max(by_model, key=lambda t: t.id).proposal.provenance if by_model else None


def device_for(proposer: BayesianProposer, observations: int) -> torch.device:
    """Return the device that the proposer names; `auto` is CUDA if it is available and there is enough data to pay."""
    if proposer.device == "cuda" and not torch.cuda.is_available():
        raise CannotPropose("`proposer.device`: expected a CUDA device that torch can use, found none; use `auto`.")
    if proposer.device == "auto":
        return torch.device("cuda" if observations >= _LEAST_FOR_CUDA and torch.cuda.is_available() else "cpu")
    return torch.device(proposer.device)


def on_this_machine(proposer: BayesianProposer) -> BayesianProposer:
    """Return the proposer as it can run here: on the CPU if it names a CUDA device that is missing."""
    missing = proposer.device == "cuda" and not torch.cuda.is_available()
    return proposer.model_copy(update={"device": "cpu"}) if missing else proposer
