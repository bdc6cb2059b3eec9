"""The trials that a recommendation is made from, and the models of all metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Model
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.decisive import decisive
from overnight.bo_core.situated import situated
from overnight.bo_core.suspects import suspects_among, without
from overnight.campaign import Campaign, ModelView, Point, Trial
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import Provenance


@dataclass(frozen=True)
class Counted:
    """The trials that count: those of the `situation`, without `doubted` ones and, of very many, the least decisive.

    `everything` is the view of all trials.
    """

    campaign: Campaign
    proposer: BayesianProposer
    encoding: Encoding
    everything: ModelView
    situation: Situation
    doubted: tuple[Trial, ...]

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        everything: ModelView,
        proposer: BayesianProposer,
        last: Provenance | None,
        generator: torch.Generator,
    ) -> "Counted":
        """Select the trials; `last` is the provenance of the model's last proposal."""
        encoding = Encoding(campaign.space)
        doubted = _doubted(campaign, everything, proposer, encoding, last)
        believed = without(everything, {trial.id for trial in doubted})
        if not believed.inside:
            raise ModelFailed("The model believes no result of a point in the present space.")
        if not in_full(campaign, believed.inside):
            raise ModelFailed("No point in the present space was measured at full fidelity.")
        view = decisive(campaign, believed, proposer, encoding, generator)
        return cls(campaign, proposer, encoding, everything, situated(campaign, view, encoding, proposer), doubted)

    @cached_property
    def trials(self) -> list[Trial]:
        """Return the first observed trial of each point in the space, at full fidelity if there are several.

        Repetitions would share the point's probability.
        """
        return first_of_each_point(in_full(self.campaign, self.situation.view.inside))

    @cached_property
    def tried(self) -> Tensor:
        """Return the features [n, d] of these trials."""
        return self.encoding.encode([trial.point for trial in self.trials])

    @cached_property
    def baseline(self) -> int | None:
        """Return which of these trials is at the baseline; None if none is."""
        return next((i for i, trial in enumerate(self.trials) if is_baseline(self.campaign, trial.point)), None)

    def contest(self, generator: torch.Generator) -> Contest:
        """Return the fitted models with the limits of the campaign's constraints."""
        sets = self.proposer.sets_of_recommendation(len(self.everything.observed))
        models = {
            name: Model.of(observed, self.proposer, generator, sets=sets)
            for name, observed in self.situation.observed.items()
        }
        return Contest(self.campaign.objective.metric, models, Limits.of(self.campaign, self.encoding, models))


def generator_for(campaign: Campaign) -> torch.Generator:
    """Return the source of all random numbers of a recommendation."""
    return torch.Generator().manual_seed(seed_of(campaign, 0))


def in_full(campaign: Campaign, trials: Sequence[Trial]) -> Sequence[Trial]:
    """Return the trials at full fidelity, which are all unless the campaign has fidelities."""
    fidelity = campaign.fidelity
    return trials if fidelity is None else [trial for trial in trials if fidelity.is_full(trial.point)]


def first_of_each_point(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials without repetitions of a point."""
    first: dict[PointKey, Trial] = {}
    for trial in trials:
        first.setdefault(key_of(trial.point), trial)
    return list(first.values())


def is_baseline(campaign: Campaign, point: Point) -> bool:
    """Return whether a point is the campaign's baseline."""
    baseline = campaign.status_quo
    return baseline is not None and key_of(baseline) == key_of(point)


def _doubted(
    campaign: Campaign, view: ModelView, proposer: BayesianProposer, encoding: Encoding, last: Provenance | None
) -> tuple[Trial, ...]:
    """Return the trials whose results look like glitches."""
    if not proposer.doubts_in(campaign):
        return ()
    observed = situated(campaign, view, encoding, proposer).observed[campaign.objective.metric]
    suspects = {suspect.trial for suspect in suspects_among(observed, len(view.observed), proposer, last)}
    return tuple(trial for trial in view.observed if trial.id in suspects)
