"""What a proposal is made from, as tensors: encoded trials and standardised outcomes."""

import hashlib
from dataclasses import dataclass

from torch import Tensor

from bo_core.encoding import Encoding
from bo_core.outcomes import Outcomes
from campaign import Campaign, Measurement, ModelView, Trial
from campaign.trial import Failure, Observation


@dataclass(frozen=True)
class Observed:
    """The observed trials in the order of their ids, their features X [n, d] and their standardised outcomes."""

    trials: tuple[Trial, ...]
    X: Tensor
    outcomes: Outcomes

    @classmethod
    def of(cls, campaign: Campaign, view: ModelView, encoding: Encoding) -> "Observed":
        """Encode what a view holds; it must hold at least one observation."""
        outcomes = Outcomes.of([objective_of(campaign, t) for t in view.observed], campaign.objective)
        return cls(view.observed, encoding.encode([t.point for t in view.observed]), outcomes)


def objective_of(campaign: Campaign, trial: Trial) -> Measurement:
    """Return an observed trial's measurement of the objective."""
    assert isinstance(trial.outcome, Observation)
    return trial.outcome.metrics[campaign.objective.metric]


def failed_points(view: ModelView) -> tuple[Trial, ...]:
    """Return the trials whose points failed by their own fault, which says something of what lies beside them.

    Failures that say nothing of the point, infrastructure and cancellation, do not count, unless they put it into
    quarantine.
    """
    return tuple(t for t in view.failed if _point_failed(t))


def _point_failed(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Failure) and (end.quarantined or end.cause not in ("infrastructure", "cancelled"))


def seed_of(campaign: Campaign, trial: int) -> int:
    """Return the seed of the proposal that begins with this trial: a hash of the campaign's seed and its number."""
    digest = hashlib.sha256(f"overnight proposal {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
