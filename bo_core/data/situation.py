"""Everything that a proposal is made from, as tensors that are built once a proposal."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import Observed
from overnight.bo_core.data.stopped import expected_finals
from overnight.campaign import Campaign, ModelView, Trial
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.history.trial import Failure


@dataclass(frozen=True)
class Situation:
    """What a `view` holds: `observed` by metric, and the features of all trials in the order of their ids.

    `tried` [n, d] are the observed trials, `stopped` [s, d] those that were stopped, `pending` [p, d] those under way,
    `failed` [f, d] those whose points failed by their own fault, which says something of what lies close to them.
    Failures that say nothing of the point, infrastructure and cancellation, do not count, unless they put it into
    quarantine. If a policy has some points approved while others are tried, `parked` [w, d] are those that wait for it,
    each approved with probability `approval`.

    `without_value` [v, d] are points at which metrics are drawn, like at the pending ones, though their trials have
    ended. A point that failed would otherwise leave no trace in the objective's model, and the next proposal would lie
    right by it. So it is with those that were stopped, as long as nothing tells where they would have ended, and with
    those that a policy had rejected: people would be asked about their neighbours.
    """

    view: ModelView
    observed: Mapping[str, Observed]
    tried: Tensor
    stopped: Tensor
    pending: Tensor
    failed: Tensor
    without_value: Tensor
    parked: Tensor
    approval: float

    @classmethod
    def of(cls, campaign: Campaign, view: ModelView, encoding: Encoding, *, learn_noise: bool) -> "Situation":
        """Encode what a view holds; it must hold at least one observation.

        With `learn_noise`, repeats that always agree to the last bit say that there is no noise.
        """

        def features(*trials: Trial) -> Tensor:
            return encoding.encode([trial.point for trial in trials])

        tried, stopped = features(*view.observed), features(*view.stopped)
        expected = expected_finals(campaign, view)
        known = torch.tensor([trial.id in expected for trial in view.stopped], dtype=torch.bool)
        X, metric = torch.cat([tried, stopped[known]]), campaign.objective.metric
        withheld = view.withheld if isinstance(campaign.approve, ApprovalPolicy) else ()
        failed = features(*(t for t in view.failed if _point_failed(t)))
        rejected = features(*(t for t in withheld if t.outcome is not None))
        return cls(
            view,
            {metric: Observed.of(campaign, view, X, expected, learn_noise=learn_noise)},
            tried,
            stopped,
            features(*view.pending),
            failed,
            torch.cat([failed, stopped[~known], rejected]),
            features(*(t for t in withheld if t.outcome is None)),
            _probability_of_approval(view),
        )

    @property
    def worked(self) -> Tensor:
        """Return the features [n + s, d] of the trials that worked, if only until they were stopped."""
        return torch.cat([self.tried, self.stopped])


def _probability_of_approval(view: ModelView) -> float:
    """Return how likely people are taken to approve what waits: Laplace's rule of succession, but at least a half.

    With less, where most was rejected, they would be asked about its close neighbours, which they would decide alike.
    """
    return max((view.approvals + 1) / (view.approvals + view.rejections + 2), 0.5)


def _point_failed(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Failure) and (end.quarantined or end.cause not in ("infrastructure", "cancelled"))
