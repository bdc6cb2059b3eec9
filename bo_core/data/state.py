"""What a proposal is made from, as tensors: encoded trials and standardised outcomes."""

import hashlib
import sys
from dataclasses import dataclass, replace

from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.noise import with_known_noise
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.stopped import expected_finals
from overnight.campaign import Campaign, Measurement, ModelView, Objective, Trial
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.history.trial import Failure


@dataclass(frozen=True)
class Observed:
    """The observed trials in the order of their ids, their features X [n, d] and their standardised outcomes.

    Behind them come the stopped ones whose reports tell where they would have ended, with that as their measurement.
    All that are `exact` have no noise, by the campaign's definition or by what was learnt. `noise_unit` is the unit of
    what is believed of noise beforehand, see `Prior`: the scale that outcomes have if bad ones are drawn together.
    """

    trials: tuple[Trial, ...]
    X: Tensor
    outcomes: Outcomes
    measured: tuple[Measurement, ...]
    objective: Objective
    exact: bool
    noise_unit: float = 1.0

    @classmethod
    def of(cls, campaign: Campaign, view: ModelView, encoding: Encoding, *, learn_noise: bool = False) -> "Observed":
        """Encode what a view holds; it must hold at least one observation.

        With `learn_noise`, repeats that always agree to the last bit say that there is no noise.
        """
        expected = expected_finals(campaign, view)
        trials = (*view.observed, *(t for t in view.stopped if t.id in expected))
        told = campaign.goal.values_of(view.observed)
        known, exact = with_known_noise(campaign, view.observed, told, learn=learn_noise)
        measured = (*known, *expected.values())
        X = encoding.encode([t.point for t in trials])
        return cls(trials, X, Outcomes.of(measured, campaign.objective), measured, campaign.objective, exact)

    def with_tail_width(self, width: float | None) -> "Observed":
        """Return the same with bad outcomes drawn together over another width, see `Outcomes.of`."""
        outcomes = Outcomes.of(self.measured, self.objective, width)
        return replace(self, outcomes=outcomes, noise_unit=_share(self.outcomes.scale, outcomes.scale))


def _share(scale: float, larger: float) -> float:
    """Return the ratio of two scales, at most 1; it may be smaller than any float but is not 0."""
    return min(max(scale / larger, sys.float_info.min), 1.0)


def failed_points(view: ModelView) -> tuple[Trial, ...]:
    """Return the trials whose points failed by their own fault, which says something of what lies beside them.

    Failures that say nothing of the point, infrastructure and cancellation, do not count, unless they put it into
    quarantine.
    """
    return tuple(t for t in view.failed if _point_failed(t))


def points_without_value(campaign: Campaign, view: ModelView) -> tuple[Trial, ...]:
    """Return the trials at whose points the objective is drawn, like at the pending ones, though they have ended.

    A point that failed would otherwise leave no trace in the objective's model, and the next proposal would lie beside
    it. So it is with those that were stopped, as long as nothing tells where they would have ended, and, where a
    policy has some points approved while others are tried, with those that were rejected: people would be asked about
    their neighbours.
    """
    expected = expected_finals(campaign, view)
    unknown = (t for t in view.stopped if t.id not in expected)
    rejected = (t for t in _withheld_by_policy(campaign, view) if t.outcome is not None)
    return (*failed_points(view), *unknown, *rejected)


def parked_points(campaign: Campaign, view: ModelView) -> tuple[Trial, ...]:
    """Return the trials that await approval, where a policy has some points approved while others are tried."""
    return tuple(t for t in _withheld_by_policy(campaign, view) if t.outcome is None)


def probability_of_approval(view: ModelView) -> float:
    """Return how likely people are taken to approve what waits: Laplace's rule of succession, but at least a half.

    With less, where most was rejected, they would be asked about its close neighbours, which they would decide alike.
    """
    return max((view.approvals + 1) / (view.approvals + view.rejections + 2), 0.5)


def _withheld_by_policy(campaign: Campaign, view: ModelView) -> tuple[Trial, ...]:
    return view.withheld if isinstance(campaign.approve, ApprovalPolicy) else ()


def _point_failed(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Failure) and (end.quarantined or end.cause not in ("infrastructure", "cancelled"))


def seed_of(campaign: Campaign, trial: int) -> int:
    """Return the seed of the proposal that begins with this trial: a hash of the campaign's seed and its number."""
    digest = hashlib.sha256(f"overnight proposal {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
