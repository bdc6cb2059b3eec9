"""The trials whose results look like glitches."""

from collections.abc import Mapping

from overnight.campaign import History, Measurement
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation
from overnight.report.story.goal.best import holding
from overnight.report.story.section import Known, Section


class SuspectResult(Section):
    """A result that is not believed, and the belief about its point from all others: `expected` ± `sd`, if known.

    `again` are the trials that measured the same point later, with their results.
    """

    trial: int
    measurement: Measurement
    expected: Known
    sd: Known
    again: dict[int, Measurement]


def suspects_of(history: History, computed: Recommendation | None) -> tuple[SuspectResult, ...]:
    """Return the suspects of the recommendation; without one, those of the last proposal of a model."""
    found = holding(history, computed)
    beliefs: Mapping[int, Prediction | None] = _of_last_proposal(history) if found is None else found.suspects
    return tuple(_suspect(history, trial, belief) for trial, belief in beliefs.items())


def doubted_now(history: History) -> frozenset[int]:
    """Return the trials that the recorded recommendation, or without one the last proposal of a model, doubts."""
    found = holding(history, None)
    return frozenset(_of_last_proposal(history) if found is None else found.suspects)


def _of_last_proposal(history: History) -> dict[int, None]:
    metric = history.definition.objective.metric
    made = (trial.proposal.provenance for trial in history.trials.newest_first())
    models = (provenance.models.metrics.get(metric) for provenance in made if provenance is not None)
    last = next((model for model in models if model is not None), None)
    return {} if last is None else dict.fromkeys(last.suspects)


def _suspect(history: History, number: int, belief: Prediction | None) -> SuspectResult:
    trial, goal = history.trials[number], history.definition.goal
    later = [t for t in history.trials.values() if t.id > number and t.point == trial.point and t.measured]
    return SuspectResult(
        trial=number,
        measurement=goal.values_of([trial])[0],
        expected=None if belief is None else belief.mean,
        sd=None if belief is None else belief.sd,
        again={t.id: value for t, value in zip(later, goal.values_of(later), strict=True)},
    )
