"""Campaigns with several objectives, from the metrics of their trials, and recommendations of their fronts."""

from collections.abc import Mapping, Sequence
from typing import Any

from told_stories import POINT, Story, campaign_of

from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import OfFront, Recommendation

OBJECTIVES: list[dict[str, Any]] = [{"minimize": "kb", "worst": 400}, {"maximize": "vmaf"}]
# Trial 1, the baseline, is dominated by trials 3 and 4; trials 2, 3 and 4 are the front.
ROWS = [
    {"kb": 300.0, "vmaf": 90.0},
    {"kb": 100.0, "vmaf": 80.0},
    {"kb": 200.0, "vmaf": 92.0},
    {"kb": 290.0, "vmaf": 97.0},
    {"kb": 350.0, "vmaf": 70.0},
]


def several(trials: Sequence[Mapping[str, float]] = ROWS, **changes: Any) -> Story:
    """Return a campaign whose first trial is the baseline; a trial without metrics failed."""
    definition = {"objectives": OBJECTIVES, "budget": {"trials": max(10, len(trials))}}
    story = Story(campaign_of(**definition | changes))
    first = story.campaign.objective.metric
    for trial, metrics in enumerate(trials, 1):
        at_baseline = trial == 1 and story.campaign.baseline is not None
        point = story.campaign.baseline if at_baseline else POINT | {"rate": 0.01 + 0.9 * trial / len(trials)}
        story.proposed(trial, 2 * trial, dict(point or {}), "baseline" if at_baseline else "sobol")
        story.started(trial, 2 * trial)
        if metrics:
            others = {name: value for name, value in metrics.items() if name != first}
            story.observed(trial, 2 * trial + 1, metrics[first], **others)
        else:
            story.failed(trial, 2 * trial + 1)
    return story


def front_believed(story: Story, trial: int, sd: float = 0.5, **changes: Any) -> Recommendation:
    """Return a recommendation of this trial, whose beliefs are the measurements with this standard deviation."""
    history, goal = story.history, story.history.goal
    front = goal.best_first(goal.front(history.trials.values()))
    worst = goal.worst([goal.turned(each.measured) for each in front])

    def beliefs(number: int) -> dict[str, Prediction]:
        means = {name: found.mean for name, found in history.trials[number].measured.items()}
        return {
            name: Prediction(mean=mean, sd=sd, low=mean - 1.645 * sd, high=mean + 1.645 * sd)
            for name, mean in means.items()
        }

    values: dict[str, Any] = {
        "trial": trial,
        "point": history.trials[trial].point,
        "best_measured": trial,
        "objective": goal.objectives[0].metric,
        "predicted": beliefs(trial),
        "baseline": beliefs(1) if story.campaign.baseline is not None and history.trials[1].measured else {},
        "probability_best": 0.9,
        "probability_better_than_baseline": 0.8,
        "front": [
            OfFront(trial=each.id, point=each.point, predicted=beliefs(each.id), probability=0.9) for each in front
        ],
        "worst": {each.metric: each.turned(end) for each, end in zip(goal.objectives, worst, strict=True)},
    }
    return Recommendation.model_validate(values | changes)
