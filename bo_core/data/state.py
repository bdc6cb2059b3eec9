"""Encoded trials and standardised outcomes, from which a proposal is made."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.data.noise import with_known_noise
from overnight.bo_core.data.outcomes import Outcomes
from overnight.campaign import Campaign, Measurement, ModelView, Objective, Trial


@dataclass(frozen=True)
class Observed:
    """The observed trials in the order of their ids, their features X [n, d] and their standardised outcomes.

    They are followed by the stopped trials whose ends can be estimated from reports, with the estimates as
    measurements. If they are `exact`, none of them has noise, by the campaign's definition or because that was learnt.
    `groups` are the features that share a length scale. `noise_unit` is the unit of the prior of the noise, see
    `Prior`: the scale of the outcomes if bad ones are drawn together.
    """

    trials: tuple[Trial, ...]
    X: Tensor
    outcomes: Outcomes
    measured: tuple[Measurement, ...]
    objective: Objective
    exact: bool
    groups: FeatureGroups
    noise_unit: float = 1.0

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        view: ModelView,
        X: Tensor,
        groups: FeatureGroups,
        expected: Mapping[int, Measurement],
        *,
        learn_noise: bool,
    ) -> "Observed":
        """Return a view's observations of the objective, with `expected` ends of stopped trials and features X [n, d].

        With `learn_noise`, repeats that always agree to the last bit mean that there is no noise.
        """
        trials = (*view.observed, *(t for t in view.stopped if t.id in expected))
        values = campaign.goal.values_of(view.observed)
        known, exact = with_known_noise(campaign, view.observed, values, learn=learn_noise)
        measured = (*known, *expected.values())
        return cls(trials, X, Outcomes.of(measured, campaign.objective), measured, campaign.objective, exact, groups)

    def part(self, rows: Sequence[int]) -> "Observed":
        """Return these rows of the observations, standardised without the others."""
        trials, measured = tuple(self.trials[i] for i in rows), tuple(self.measured[i] for i in rows)
        return replace(
            self, trials=trials, X=self.X[list(rows)], measured=measured, outcomes=Outcomes.of(measured, self.objective)
        )

    def with_tail_width(self, width: float | None) -> "Observed":
        """Return a copy with bad outcomes drawn together over another width, see `Outcomes.of`."""
        outcomes = Outcomes.of(self.measured, self.objective, width)
        return replace(self, outcomes=outcomes, noise_unit=_share(self.outcomes.scale, outcomes.scale))


def _share(scale: float, larger: float) -> float:
    """Return the ratio of two scales, at most 1 and never 0, even if it is smaller than any float."""
    return min(max(scale / larger, sys.float_info.min), 1.0)


def seed_of(campaign: Campaign, trial: int) -> int:
    """Return the seed of the proposal that begins with this trial: a hash of the campaign's seed and the trial's id."""
    digest = hashlib.sha256(f"overnight proposal {campaign.seed} {trial}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
