"""Everything that a proposal is made from, as tensors that are built once per proposal."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.data.curves import reported
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.data.state import Observed, learnt_target
from overnight.bo_core.data.stopped import expected_finals
from overnight.campaign import Campaign, ModelView, Trial
from overnight.campaign.approval import ApprovalPolicy
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.trial import Failure


@dataclass(frozen=True)
class Situation:
    """The contents of a `view`: `observed` by metric, and the features of all trials in the order of their ids.

    The first objective is the first metric; the others are those of the goal that were measured.

    `tried` [n, d] are the observed trials, `stopped` [s, d] the stopped ones and `pending` [p, d] those under way.
    `failed` [f, d] are those whose points failed by their own fault, which is evidence about nearby points. Failures
    unrelated to the point (infrastructure and cancellation) do not count, unless the point was quarantined. If a policy
    lets some points be approved while others are tried, `parked` [w, d] are those awaiting approval, each approved with
    probability `approval`.

    `without_value` [v, d] are points at which metrics are drawn, as at pending ones, although their trials have ended.
    A point that failed would otherwise leave no trace in the objective's model, and the next proposal would lie right
    next to it. The same holds for stopped trials as long as their ends cannot be estimated, and for trials that were
    rejected under a policy: people would be asked about their neighbours.

    `outside` [o, d] are those tried and stopped that do not lie in the present space.

    `groups` are the features that share a length scale.
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
    outside: Tensor
    groups: FeatureGroups

    @classmethod
    def of(
        cls, campaign: Campaign, view: ModelView, encoding: Encoding, *, learn_noise: bool, hamming: bool
    ) -> "Situation":
        """Encode the contents of a view, which must hold at least one observation.

        With `learn_noise`, repeats that always agree to the last bit mean that there is no noise. With
        `hamming`, the indicators of a category share a length scale.
        """

        def features(*trials: Trial) -> Tensor:
            return encoding.encode([trial.point for trial in trials])

        tried, stopped = features(*view.observed), features(*view.stopped)
        metric, target = campaign.objective.metric, learnt_target(campaign, view)
        expected = expected_finals(campaign, view, metric if target is None else target.metric)
        known = torch.tensor([trial.id in expected for trial in view.stopped], dtype=torch.bool)
        curve = reported(campaign, view, campaign.objective)
        X = torch.cat([tried, stopped[known], features(*(each.trial for each in curve))])
        groups = encoding.groups(hamming=hamming)
        withheld = view.withheld if isinstance(campaign.approve, ApprovalPolicy) else ()
        of_point = [trial for trial in view.failed if _point_failed(trial)]
        # Points outside are not drawn: nothing is chosen there.
        failed_here = features(*(trial for trial in of_point if trial.id not in view.outside))
        here = torch.tensor([trial.id not in view.outside for trial in view.stopped], dtype=torch.bool)
        rejected = features(*(t for t in withheld if t.outcome is not None))
        # With several objectives the first is like the others: trials that failed without one of them count as well.
        first = () if campaign.goal.has_front else (metric,)
        others = {
            other: Observed.of_another(campaign, view, other, encoding, groups, learn_noise=learn_noise)
            for other in campaign.goal.metrics
            if other not in first
        }
        decides = {
            each: Observed.of(campaign, view, X, groups, expected, curve, learn_noise=learn_noise) for each in first
        }
        return cls(
            view,
            {**decides, **{other: observed for other, observed in others.items() if observed is not None}},
            tried,
            stopped,
            features(*view.pending),
            features(*of_point),
            torch.cat([failed_here, stopped[~known & here], rejected]),
            features(*(t for t in withheld if t.outcome is None)),
            _probability_of_approval(view),
            features(*(trial for trial in (*view.observed, *view.stopped) if trial.id in view.outside)),
            groups,
        )

    def inside(self, X: Tensor) -> Tensor | None:
        """Return which of the points [b] at features X [b, d] of trials lie in the present space; None if all do.

        Raises ModelFailed if none does.
        """
        if not len(self.outside):
            return None
        outside = {tuple(row) for row in self.outside.tolist()}
        found = torch.tensor([tuple(row) not in outside for row in X.tolist()], dtype=torch.bool, device=X.device)
        if not bool(found.any()):
            raise ModelFailed("The model believes no result of a point in the present space.")
        return found

    @property
    def worked(self) -> Tensor:
        """Return the features [n + s, d] of the trials that worked, if only until they were stopped."""
        return torch.cat([self.tried, self.stopped])


def _probability_of_approval(view: ModelView) -> float:
    """Return the assumed probability of approval: Laplace's rule of succession, but at least one half.

    With less, if most points were rejected, people would be asked about close neighbours, and would decide the same
    way.
    """
    return max((view.approvals + 1) / (view.approvals + view.rejections + 2), 0.5)


def _point_failed(trial: Trial) -> bool:
    end = trial.outcome
    return isinstance(end, Failure) and (end.quarantined or end.cause not in ("infrastructure", "cancelled"))
