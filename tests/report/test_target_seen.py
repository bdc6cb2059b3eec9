"""With a target, the metric is shown after its distance, and an explanation does not call it exploring."""

import io
from datetime import timedelta
from typing import Any

from rich.console import Console
from standing import status_lines
from told_stories import POINT, START, Story, campaign_of

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import TrialObserved
from overnight.campaign.history.provenance import Chosen, Knew, MadeBy, Prediction, Provenance
from overnight.campaign.recommendation import Recommendation
from overnight.flows.commands.live import LiveDisplay
from overnight.report.explanation import explanation
from overnight.report.story.goal.best import best_of

DISTANCE = "abs(gain_db - 60)"


def told(noise: str = "infer", predicted: tuple[float, float] = (60.0, 0.5)) -> Story:
    """Return a campaign of two trials, the second of which is expected to have such a gain."""
    campaign = campaign_of(minimize=None, target={"metric": "gain_db", "value": 60}, baseline=None, noise=noise)
    story = Story(campaign)
    for trial, gain in ((1, 60.25), (2, 58.0)):
        story.proposed(trial, trial, {**POINT, "depth": trial}).started(trial, trial)
        metrics = {"gain_db": Measurement(mean=gain), DISTANCE: Measurement(mean=abs(gain - 60))}
        time = START + timedelta(minutes=trial + 0.5)
        about: dict[str, Any] = {"time": time, "actor": "controller", "trial": trial, "attempt": 1}
        story.events.append(TrialObserved(**about, metrics=metrics, seconds=60.0))
    mean, sd = predicted
    expected = {
        DISTANCE: Prediction(mean=max(abs(mean - 60), 0.8 * sd), sd=0.6 * sd, low=0.06 * sd, high=2 * sd),
        "gain_db": Prediction(mean=mean, sd=sd, low=mean - 1.6 * sd, high=mean + 1.6 * sd),
    }
    chosen = Chosen(acquisition="log_noisy_expected_improvement", value=-2.0, expected_gain=0.1)
    made = Provenance(made_by=MadeBy(seed=1), predicted=expected, chosen=chosen, knew=Knew(observed=1))
    [second] = [event for event in story.events if event.kind == "trial_proposed" and event.trial == 2]
    story.events[story.events.index(second)] = second.model_copy(update={"provenance": made, "generator": "model"})
    return story


def recommended() -> Recommendation:
    predicted = {DISTANCE: Prediction(mean=0.31, sd=0.2), "gain_db": Prediction(mean=60.2, sd=0.3)}
    return Recommendation(
        objective=DISTANCE,
        trial=1,
        point={**POINT, "depth": 1},
        best_measured=1,
        predicted=predicted,
        probability_best=0.9,
    )


def test_the_best_result_is_a_distance_with_the_metric_in_brackets():
    assert f"best so far: {DISTANCE} 0.25 (gain_db 60.25) (trial 1)" in status_lines(told().history)


def test_the_line_of_an_ended_trial_has_the_metric_as_well():
    story = told()
    console = Console(file=io.StringIO(), width=200)
    with LiveDisplay(story.campaign, console) as display:
        display.watch(History.from_events(story.events[:4]))
        display.watch(story.history)
    lines = console.file.getvalue().splitlines()  # pyright: ignore
    assert lines[-1] == f"trial   2  {DISTANCE} 2 (gain_db 58)  (model)"


def test_the_recommended_value_is_what_is_believed_or_what_was_measured_exactly():
    believed = best_of(told().history, recommended()).recommended
    assert believed is not None
    assert believed.of_target is not None
    assert (believed.of_target.metric, believed.of_target.mean, believed.of_target.sd) == ("gain_db", 60.2, 0.3)
    exact = best_of(told("none").history, recommended()).recommended
    assert exact is not None
    assert exact.of_target is not None
    assert (exact.of_target.mean, exact.of_target.sd) == (60.25, None)


def test_a_story_without_a_target_does_not_mention_one():
    history = Story(campaign_of()).tried(1, 1, 2.0).history
    best = best_of(history, None).measured
    assert best is not None
    assert "of_target" not in best.model_dump()


def lines(story: Story) -> str:
    history, first = story.history, story.events[:5]
    return "\n".join(explanation(History.from_events(first), history.trials[2], {}))


def test_a_point_that_is_expected_to_hit_the_target_does_not_explore():
    assert "It expected gain_db 60" in lines(told())
    assert "explores" not in lines(told())
    assert "explores" in lines(told(predicted=(40.0, 1.0)))
