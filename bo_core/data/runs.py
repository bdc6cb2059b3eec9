"""The runs that outcomes come from: results of one run at several fidelities err alike."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from overnight.campaign import Campaign, ModelView, Point, Trial

# An outcome that errs like no other: that of a run with a single outcome, or one in full.
OWN = -1


@dataclass(frozen=True)
class Runs:
    """The runs of a campaign, each with the id of its first trial as its number.

    If evaluations `resume`, all outcomes of a point are those of one run. Otherwise a trial is a run, whose reports may
    be outcomes as well. `first` holds the first trial of each point.
    """

    campaign: Campaign
    first: Mapping[Hashable, int]

    @classmethod
    def of(cls, campaign: Campaign, view: ModelView) -> "Runs | None":
        """Return the runs of a view; None if each outcome has a run of its own."""
        fidelity = campaign.fidelity
        if fidelity is None or not (fidelity.parameter.resume or fidelity.parameter.curve):
            return None
        first = dict[Hashable, int]()
        for trial in sorted((*view.observed, *view.stopped, *view.pending), key=lambda trial: trial.id):
            first.setdefault(fidelity.without(trial.point), trial.id)
        return cls(campaign, first)

    def of_next(self, point: Point) -> int:
        """Return the run that an evaluation of a point would continue."""
        fidelity = self.campaign.fidelity
        assert fidelity is not None, "expected a campaign with a fidelity"
        return self.first.get(fidelity.without(point), OWN) if fidelity.parameter.resume else OWN

    def of_trial(self, trial: Trial) -> int:
        """Return the run of a trial."""
        fidelity = self.campaign.fidelity
        assert fidelity is not None, "expected a campaign with a fidelity"
        return self.of_next(trial.point) if fidelity.parameter.resume else trial.id
