"""Judge our points off the clock: the value by BoTorch's own object, and the best one that BoTorch finds with it.

Our fitted models become BoTorch's, with the same data, hyperparameters, noise and limits. BoTorch's values differ from
our score in two ways: it smooths improvements and limits a little, and it averages over its own draws.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import gpytorch
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import IdentityMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.models import ModelListGP, SingleTaskGP
from botorch.models.transforms.input import InputTransform
from botorch.optim import optimize_acqf
from botorch.sampling.normal import SobolQMCNormalSampler
from gpytorch.kernels import MaternKernel
from gpytorch.means import ConstantMean
from torch import Tensor

from benchmarks.speed.goals.questions import Known
from overnight.bo_core import BayesianProposer
from overnight.bo_core.aims import Aim, aim_of
from overnight.bo_core.appraisal.recorded import RecordedModels, suspects_of
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Beliefs, Model, last_made_by_model
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.surrogate import Posterior
from overnight.bo_core.surrogate.scaling import Scaling
from overnight.campaign import Point
from overnight.campaign.history.provenance import Provenance

SAMPLES = 16_384
CLIMBS = 32
# Many climbs on a part of the draws find the starts of a few climbs on all draws, each of which takes seconds.
_PART_OF_DRAWS, _PART_OF_CLIMBS, _RAW_POINTS_EACH = 64, 8, 64
# Observations that are too few for several threads.
_FEW = 1


@dataclass(frozen=True)
class Verdict:
    """The log value of a point, and that of the best point that BoTorch finds."""

    value: float
    best: float


class GoalJudge:
    """A judge of points, with the models that a proposal of ours recorded for what was known."""

    def __init__(
        self,
        known: Known,
        made: Provenance,
        proposer: BayesianProposer,
        samples: int = SAMPLES,
        climbs: int = CLIMBS,
    ) -> None:
        """Recall the models with which a proposal was `made` from what was known."""
        self.samples, self.climbs = samples, climbs
        self.encoding, self.seed = Encoding(known.campaign.space), made.made_by.seed % 2**31
        asked = Asked(known.campaign, known.history(), proposer, self.encoding, (), 1)
        asked = replace(asked, recorded=suspects_of([made], asked))
        recorded, last = RecordedModels.of([made], asked), last_made_by_model(asked.history)
        self.beliefs: Beliefs = {
            metric: Model.recalled(
                observed, proposer, torch.Generator().manual_seed(0), last, **vars(recorded.metrics[metric])
            )
            for metric, observed in asked.situation.observed.items()
        }
        self.aim = aim_of(known.campaign, self.encoding, self.beliefs)
        self.objectives = [each.metric for each in known.campaign.goal.objectives]
        self.X, self.pending = self.beliefs[self.objectives[0]].data.X, asked.situation.pending

    def verdict(self, point: Point) -> Verdict:
        """Return the value of a point and the best one that BoTorch finds from many starts of its own."""
        with _as_exactly_as_ours(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            value = self.value(point)
            return Verdict(value, self._best())

    def value(self, point: Point) -> float:
        """Return the log value of a point by BoTorch's own object."""
        with _as_exactly_as_ours(), torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(self.seed)
            return float(self.acquisition(self.samples)(self.encoding.encode([point])))

    def acquisition(self, samples: int) -> AcquisitionFunction:
        """Return BoTorch's noisy improvement in logarithms, of one objective or of the hypervolume."""
        names = [*dict.fromkeys((*self.objectives, *limits_of(self.aim)))]
        known: dict[str, Any] = {
            "X_baseline": self.X,
            "X_pending": self.pending if len(self.pending) else None,
            "sampler": SobolQMCNormalSampler(torch.Size([samples]), seed=self.seed),
            "constraints": [each for name in names for each in _excesses(self.aim, name, names.index(name))] or None,
            "prune_baseline": True,
        }
        model = ModelListGP(*(as_botorch(self.beliefs[name]) for name in names))
        if len(self.objectives) == 1:
            objective = GenericMCObjective(lambda Z, X=None: Z[..., 0])
            return qLogNoisyExpectedImprovement(model, objective=objective, **known)
        worst = [self.beliefs[name].observed.outcomes.standardised(self.aim.worst[name]) for name in self.objectives]
        objective = IdentityMCMultiOutputObjective(outcomes=[*range(len(self.objectives))])
        return qLogNoisyExpectedHypervolumeImprovement(model, ref_point=worst, objective=objective, **known)

    def _best(self) -> float:
        bounds = torch.stack([torch.zeros(self.encoding.d), torch.ones(self.encoding.d)]).double()
        ends, values = optimize_acqf(
            self.acquisition(self.samples // _PART_OF_DRAWS),
            bounds,
            q=1,
            num_restarts=self.climbs,
            raw_samples=_RAW_POINTS_EACH * self.climbs,
            return_best_only=False,
        )
        assert values is not None, "expected the value of every end"
        starts = ends[values.argsort(descending=True)[: self.climbs // _PART_OF_CLIMBS]]
        last = self.acquisition(self.samples)
        _, value = optimize_acqf(
            last, bounds, q=1, num_restarts=len(starts), batch_initial_conditions=starts, options={"batch_limit": 2}
        )
        assert value is not None, "expected the value of the best end"
        return float(value)


def as_botorch(model: Model) -> SingleTaskGP:
    """Return our model as one of BoTorch, which predicts the same."""
    posterior = model.posterior
    assert isinstance(posterior, Posterior), "expected the built-in surrogate"
    [noise], [mean] = posterior.noise, posterior.mean
    assert posterior.hyperparameters.kernel == "matern52", "expected the default kernel"
    covariance, constant = MaternKernel(2.5), ConstantMean()
    found = SingleTaskGP(
        model.data.X,
        posterior.y.unsqueeze(-1),
        noise.unsqueeze(-1),
        covar_module=covariance,
        mean_module=constant,
        outcome_transform=None,
        input_transform=_Scaled(posterior.scaling),
    )
    # The features are scaled already.
    covariance.lengthscale, constant.constant = torch.ones(()), float(mean)
    return found.eval()


class _Scaled(InputTransform):
    """Our scaling of features, warping included, as a transform of BoTorch."""

    transform_on_train = transform_on_eval = transform_on_fantasize = True

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.scaling = scaling

    def transform(self, X: Tensor) -> Tensor:
        return self.scaling.scaled(X.flatten(0, -2)).squeeze(0).reshape(X.shape)


def limits_of(aim: Aim) -> Mapping[str, Any]:
    """Return the allowed values by metric; none without limits."""
    return {} if aim.limits is None else aim.limits.allowed


def _excesses(aim: Aim, name: str, i: int) -> Iterator[Callable[[Tensor], Tensor]]:
    """Yield by how much outcome i of joint samples exceeds each limit of a metric."""
    if name in limits_of(aim):
        allowed = limits_of(aim)[name]
        assert all(limit.slope == 0.0 for limit in (*allowed.lows, *allowed.highs)), "expected fixed limits"
        yield from (lambda Z, low=low: low.constant - Z[..., i] for low in allowed.lows)
        yield from (lambda Z, high=high: Z[..., i] - high.constant for high in allowed.highs)


@contextmanager
def _as_exactly_as_ours() -> Iterator[None]:
    """Use Cholesky factors, and noise as small as ours, which gpytorch would raise.

    One thread is used: more of them would spin while they wait, which takes many times as long on a busy machine.
    """
    with (
        threads_for(_FEW),
        gpytorch.settings.fast_computations(covar_root_decomposition=False, log_prob=False, solves=False),
        gpytorch.settings.min_fixed_noise(double_value=1e-12),
    ):
        yield
