"""Take pending trials into account: properly, or in the simpler ways that benchmarks compare.

- `joint`: the objective is drawn at them, jointly with everything else that is unknown.
- `ignore`: they are left out, as if they had not been proposed.
- `liar_min`, `liar_mean`, `liar_max`: each is treated as if it had given the smallest, the mean or the largest value of
  the metric measured so far, in the metric's own sign. If the metric is minimised, `liar_min` is the hopeful lie, which
  raises beliefs around the trials, and `liar_max` is the gloomy one, which lowers them (Ginsbourger, Le Riche and
  Carraro 2010).
- `believer`: each is treated as if it had given its posterior mean (kriging believer, ibid.).

Lies are data for the beliefs, with the noise of a typical measurement, but not for the fit. These treatments apply only
to trials that are under way. Points whose trials failed or are parked, and points chosen earlier in the same batch, are
always drawn.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.acquisition.fantasies import conditioned
from overnight.bo_core.model import Model
from overnight.bo_core.proposer import PendingTreatment
from overnight.bo_core.surrogate import Belief, Posterior
from overnight.bo_core.surrogate.distance import DistanceBelief


@dataclass(frozen=True)
class Outstanding:
    """The points whose values are unknown: those that will be measured, never will be, and may be.

    `coming` [p, d] are the features of pending trials and of the points chosen for this batch. `failed` [f, d] are
    those of trials that will never have a value. `parked` [w, d] are those of trials that await approval; each is
    approved with probability `approval`. A choice makes a new object.
    """

    coming: Tensor
    failed: Tensor
    parked: Tensor
    approval: float

    def and_chosen(self, x: Tensor) -> "Outstanding":
        """Return a copy with points x [c, d] chosen as well."""
        return replace(self, coming=torch.cat([self.coming, x]))

    @property
    def points(self) -> Tensor:
        """Return all of them [p + f + w, d], the parked ones last."""
        return torch.cat([self.coming, self.failed, self.parked])


@dataclass(frozen=True)
class Treated:
    """The belief `posterior`, the features `X` [n, d] of its data with lies, and the points left to draw [p, d]."""

    posterior: Belief
    X: Tensor
    drawn: Tensor


def treat(treatment: PendingTreatment, model: Model, pending: Tensor) -> Treated:
    """Return the belief and the points to draw if trials are pending at features [p, d]."""
    posterior, X = model.posterior, model.data.X
    if treatment == "joint" or not len(pending):
        return Treated(posterior, X, pending)
    nothing = pending[:0]
    if treatment == "ignore":
        return Treated(posterior, X, nothing)
    target = posterior.target if isinstance(posterior, DistanceBelief) else None
    learnt = posterior.metric if isinstance(posterior, DistanceBelief) else posterior
    assert isinstance(learnt, Posterior), "only the built-in surrogate supports lies"
    noise = posterior.replicate_noise(model.data).median(1, keepdim=True).values.expand(-1, len(pending))
    lies = _lies(treatment, model, learnt, pending).unsqueeze(1)
    believed = conditioned(learnt, pending, lies, noise).as_posterior()
    with_lies = believed if target is None else DistanceBelief(believed, target)
    return Treated(with_lies, torch.cat([X, pending]), nothing)


def _lies(treatment: PendingTreatment, model: Model, learnt: Posterior, pending: Tensor) -> Tensor:
    """Return the made-up outcomes [M, p] of what is learnt."""
    if treatment == "believer":
        return learnt.marginal(pending)[0]
    outcomes = model.observed.outcomes
    metric = outcomes.turned(outcomes.y)
    lie = {"liar_min": metric.min(), "liar_mean": metric.mean(), "liar_max": metric.max()}[treatment]
    shape = (model.posterior.set_count, len(pending))
    return torch.full(shape, float(outcomes.turned(lie)), dtype=torch.float64).to(model.data.X)
