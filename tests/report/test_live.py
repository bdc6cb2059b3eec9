"""The terminal display while a campaign runs, and at its end."""

import io
from collections.abc import Iterator, ValuesView
from dataclasses import replace
from typing import Any

import pytest
from limited_stories import limited
from provenances import altered
from recommendations import recommendation
from rich.console import Console
from standing import finding_lines, status_lines, story_about
from told_stories import POINT, Story, campaign_of

from overnight.campaign import Trial
from overnight.campaign.history.trials import Trials
from overnight.campaign.recommendation import Recommendation
from overnight.flows.commands.live import LiveDisplay
from overnight.report.finding import standing_sentence

WHEN = {"when": {"change": 0.1}, "most_waiting": 2}


def settings(story: Story, **more: Any) -> Story:
    story.events[0] = story.events[0].model_copy(update={"settings": more})
    return story


def found(**changes: Any) -> Recommendation:
    values: dict[str, Any] = {"trial": 1, "point": POINT, "mean": 2.0, "sd": 0.1, "probability_best": 1.0}
    return recommendation(**values | changes)


def test_no_time_is_left_to_tell_while_a_campaign_is_paused():
    story = Story().tried(1, 0, mean=1.0)
    assert any("time left" in line for line in status_lines(story.history))
    lines = status_lines(story.paused(2).history)
    assert lines[0] == "rates: running: nothing new starts while it is paused"
    assert not any("time left" in line for line in lines)
    assert "left" not in standing_sentence(story_about(story.history))


@pytest.mark.parametrize("approve", ["always", WHEN], ids=["always", "when"])
def test_no_time_is_left_to_tell_while_everything_waits_for_approval(approve: Any):
    story = Story(campaign_of(approve=approve)).tried(1, 0, mean=1.0).parked(2, 1, "far").parked(3, 1, "far")
    lines = status_lines(story.history)
    assert lines[0] == "rates: running: it cannot continue until a person decides"
    assert not any("time left" in line for line in lines)


def test_the_time_left_is_told_while_some_trials_wait_and_others_go_on():
    story = Story(campaign_of(approve=WHEN)).tried(1, 0, mean=1.0).parked(2, 1, "far")
    assert any("time left" in line for line in status_lines(story.history)), "another point may be proposed"
    story.parked(3, 1, "far").proposed(4, 1).started(4, 1)
    assert status_lines(story.history)[0] == "rates: running"


def test_what_is_sent_to_a_cluster_is_not_said_to_run():
    story = settings(Story(), run_on={"kind": "pool", "pool": "nights", "start_within": "P1D"})
    story.proposed(1, 0).started(1, 0).proposed(2, 0).started(2, 0)
    assert status_lines(story.history)[1] == "0 observed, 2 sent to pool `nights`, 0 failed; budget: 10 trials"
    assert "2 sent to pool `nights`" in standing_sentence(story_about(story.history))
    story.observed(1, 1, mean=1.0).observed(2, 1, mean=1.0)
    assert status_lines(story.history)[1] == "2 observed, 0 running, 0 failed; budget: 10 trials"


def test_a_point_by_a_stand_in_says_so_when_it_has_ended():
    story = Story().proposed(1, 0)
    proposed = story.events[-1]
    made = altered(proposed.provenance, {"asked.stand_in": "sobol", "asked.away": "no GPU"})
    story.events[-1] = proposed.model_copy(update={"provenance": made})
    console = Console(file=io.StringIO(), width=80)
    display = LiveDisplay(story.campaign, console)
    display.watch(story.history)
    display.watch(story.started(1, 0).observed(1, 1, mean=1.0).history)
    assert console.file.getvalue() == "trial   1  loss 1  (sobol, stands in)\n"  # pyright: ignore


def test_one_observation_is_not_said_to_be_the_best_of_all():
    story = Story(campaign_of(baseline=None)).tried(1, 0, mean=2.0)
    assert not any("best of all" in line for line in finding_lines(story.history, found()))
    story.tried(2, 1, mean=3.0)
    assert any("best of all" in line for line in finding_lines(story.history, found()))


def test_a_recommended_baseline_is_not_compared_with_itself():
    story = Story(campaign_of(baseline=POINT)).tried(1, 0, mean=2.0, generator="baseline")
    itself = found(baseline_mean=2.0, baseline_sd=0.1, probability_better_than_baseline=0.5)
    assert finding_lines(story.history, itself)[-1] == "it is the baseline"
    story.tried(2, 1, mean=3.0)
    assert finding_lines(story.history, itself)[-1] == "it is the baseline: nothing better was found"


def test_a_baseline_that_failed_is_said_where_it_would_be_compared():
    story = Story().proposed(1, 0, generator="baseline").started(1, 0).failed(1, 1, message="no oven")
    lines = finding_lines(story.tried(2, 1, mean=2.0).history, found(trial=2))
    assert lines[-1] == ("there is no comparison with the baseline (trial 1), which failed (evaluator error): no oven")


def test_an_infeasible_result_is_marked_with_what_it_breaks():
    story = limited([{"loss": 2.0, "p99_ms": 14.0}], ["p99_ms <= 15"]).proposed(2, 3).started(2, 3)
    console = Console(file=io.StringIO(), width=80)
    display = LiveDisplay(story.campaign, console)
    display.watch(story.history)
    display.watch(story.observed(2, 4, 1.0, p99_ms=15.5).history)
    assert "trial   2  loss 1  (sobol)  infeasible: p99_ms <= 15 (15.5)" in console.file.getvalue()


class CountedTrials(Trials):
    """Trials that count how often all of them are iterated over."""

    looked = 0

    def __iter__(self) -> Iterator[int]:
        CountedTrials.looked += 1
        return super().__iter__()

    def values(self) -> ValuesView[Trial]:
        CountedTrials.looked += 1
        return super().values()


def test_a_frame_of_the_live_display_counts_nothing_again_before_something_is_appended():
    story = Story().tried(1, 0, mean=1.0).proposed(2, 1).started(2, 1)
    history = replace(story.history, trials=CountedTrials(story.history.trials))
    console = Console(file=io.StringIO(), width=100)
    display = LiveDisplay(story.campaign, console)
    display.watch(history)
    console.print(display.live.get_renderable())
    looked = CountedTrials.looked
    for _ in range(3):
        console.print(display.live.get_renderable())
    assert looked > 0
    assert CountedTrials.looked == looked
    display.watch(story.observed(2, 2, mean=0.5).history)
    console.print(display.live.get_renderable())
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "best so far: loss 1" in printed
    assert "best so far: loss 0.5" in printed
