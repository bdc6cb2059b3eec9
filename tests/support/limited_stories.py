"""Campaigns with constraints, from the metrics of their trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from told_stories import POINT, Story, campaign_of

from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation

BASELINE = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}
TEXTS = ("p99_ms <= 15", "errors <= 2 * baseline")


def limited(trials: Sequence[Mapping[str, float]], constraints: Sequence[str] = TEXTS, **changes: Any) -> Story:
    """Return a campaign that minimizes `loss`, whose first trial is the baseline; a trial without metrics failed."""
    story = Story(campaign_of(constraints=constraints, **changes))
    for trial, metrics in enumerate(trials, 1):
        point = story.campaign.baseline if trial == 1 and story.campaign.baseline else POINT | {"depth": 1 + trial % 9}
        generator = "baseline" if trial == 1 else "sobol"
        story.proposed(trial, 2 * trial, dict(point), generator).started(trial, 2 * trial)
        if metrics:
            others = {name: value for name, value in metrics.items() if name != "loss"}
            story.observed(trial, 2 * trial + 1, metrics["loss"], **others)
        else:
            story.failed(trial, 2 * trial + 1)
    return story


def believed(story: Story, trial: int, chances: Mapping[str, float], **means: float) -> Recommendation:
    """Return a recommendation of this trial's point, with the chances of meeting constraints and expected values."""
    return Recommendation(
        trial=trial,
        point=story.history.trials[trial].point,
        best_measured=trial,
        objective="loss",
        predicted={name: Prediction(mean=mean, sd=0.5) for name, mean in ({"loss": 1.0} | means).items()},
        probability_best=0.5,
        constraints=dict(chances),
        probability_feasible=min(chances.values()),
        feasible_at_least=0.95,
    )
