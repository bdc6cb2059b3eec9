"""Campaigns with several objectives, from the metrics of their trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from told_stories import POINT, Story, campaign_of

from overnight.campaign import Measurement
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import OfFront, Recommendation

OBJECTIVES = ({"minimize": "loss"}, {"maximize": "gain"})


def fronted(trials: Sequence[Mapping[str, float]], **changes: Any) -> Story:
    """Return a campaign that minimizes `loss` and maximizes `gain`; a trial without metrics failed.

    The first trial is the baseline.
    """
    story = Story(campaign_of(objectives=changes.pop("objectives", OBJECTIVES), **changes))
    for trial, metrics in enumerate(trials, 1):
        point = story.campaign.baseline if trial == 1 and story.campaign.baseline else POINT | {"depth": 1 + trial % 9}
        generator = "baseline" if trial == 1 else "sobol"
        story.proposed(trial, 2 * trial, dict(point), generator).started(trial, 2 * trial)
        if metrics:
            first = story.campaign.objective.metric
            others = {name: value for name, value in metrics.items() if name != first}
            story.observed(trial, 2 * trial + 1, metrics[first], **others)
        else:
            story.failed(trial, 2 * trial + 1)
    return story


def recommended_front(story: Story, numbers: Sequence[int], chosen: int, **more: Any) -> Recommendation:
    """Return a recommendation whose front holds these trials, believed to be as they were measured."""
    history = story.history
    front = [
        OfFront(
            trial=number,
            point=history.trials[number].point,
            predicted={name: _as_measured(found) for name, found in history.trials[number].measured.items()},
            probability=0.75,
        )
        for number in numbers
    ]
    [one] = [each for each in front if each.trial == chosen]
    return Recommendation(
        trial=chosen,
        point=one.point,
        best_measured=chosen,
        objective=story.campaign.objective.metric,
        predicted=one.predicted,
        probability_best=0.75,
        front=tuple(front),
        **more,
    )


def _as_measured(found: Measurement) -> Prediction:
    return Prediction(mean=found.mean, sd=0.5)
