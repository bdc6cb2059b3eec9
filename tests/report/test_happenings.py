"""News for people while a campaign runs."""

import pytest
from happening_events import NOW, POINT, defined, lease, measured, proposed, started

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import (
    AttemptFailed,
    CampaignDrained,
    CampaignFinished,
    Event,
    TrialApproved,
    TrialFailed,
    TrialObserved,
)
from overnight.campaign.history.provenance import FittedModel, MadeBy, Models, Provenance
from overnight.report.happenings import Happening, News


def told(*appends: list[Event]) -> list[Happening]:
    """Return the news of each append to a campaign that has been defined."""
    history = defined()
    news = News()
    assert news.of(history) == []
    heard = []
    for events in appends:
        history = history.extended(events)
        heard += news.of(history)
    return heard


def kinds(happenings: list[Happening]) -> list[str]:
    return [happening.kind for happening in happenings]


def test_a_campaign_that_begins_and_one_that_goes_on_say_so():
    first, second = told([lease()], [CampaignDrained(time=NOW, actor="c", epoch=1, reason="asked"), lease(2)])
    assert (first.kind, second.kind) == ("campaign.started", "campaign.started")
    assert "starts, with a budget of 5 trials" in first.text
    [again] = told([lease(), *measured(1, 1.0)], [lease(2)])[-1:]
    assert again.facts["resumed"] is True


def test_only_what_is_better_than_everything_before_is_a_new_best():
    heard = told([lease()], measured(1, 3.0), measured(2, 3.5), measured(3, 3.0), measured(4, 1.0))
    assert [(h.kind, h.trial) for h in heard[1:]] == [("campaign.new-best", 1), ("campaign.new-best", 4)]
    assert heard[-1].facts["before"] == 3.0
    assert heard[-1].facts["point"] == POINT


def test_once_the_best_result_looks_like_a_glitch_the_best_of_the_others_is_news_and_so_is_a_better_one():
    believed = FittedModel(hyperparameters={}, suspects=(2,))
    made = Provenance(made_by=MadeBy(seed=1), models=Models(metrics={"loss": believed}))
    doubting: list[Event] = [proposed(3).model_copy(update={"generator": "model", "provenance": made})]
    end: list[Event] = [CampaignFinished(time=NOW, actor="c", epoch=1, reason="the budget is used up")]
    heard = told([lease()], measured(1, 3.0), measured(2, -9.0), doubting, measured(3, 3.5)[1:], measured(4, 1.0), end)
    news = [h for h in heard if h.kind == "campaign.new-best"]
    assert [(h.trial, h.facts["before"]) for h in news] == [(1, None), (2, 3.0), (1, None), (4, 3.0)]
    assert heard[-1].facts["best_trial"] == 4


def test_two_results_of_one_append_are_one_new_best():
    assert kinds(told([lease()], [*measured(1, 3.0), *measured(2, 2.0)])) == ["campaign.started", "campaign.new-best"]


def test_a_trial_that_failed_is_told_once_and_one_that_is_tried_again_is_not():
    failed = AttemptFailed(
        time=NOW, actor="c", trial=1, attempt=1, cause="infrastructure", message="gone", will_retry=True
    )
    ended = TrialFailed(time=NOW, actor="c", trial=1, attempt=1, cause="configuration", message="it broke")
    heard = told([lease()], [proposed(1), started(1), failed], [ended], measured(2, 1.0))
    assert kinds(heard) == ["campaign.started", "trial.failed", "campaign.new-best"]
    assert "trial 1 failed (evaluator error): it broke" in heard[1].text


def test_a_trial_that_waits_for_approval_says_how_to_decide():
    approved = TrialApproved(time=NOW, actor="ada@home", trial=1, why="fine")
    heard = told([lease()], [proposed(1, parked=True)], [approved], [started(1)])
    assert kinds(heard) == ["campaign.started", "approval.needed"]
    assert "overnight approve 1, or overnight reject 1" in heard[1].text


def test_a_trial_that_waits_for_approval_says_why():
    waiting = proposed(1, parked=True).model_copy(update={"parked_because": "heat is 0.9"})
    [_, needed] = told([lease()], [waiting])
    assert "waits for approval (x=0.5, n=3) because heat is 0.9: overnight approve 1" in needed.text
    assert needed.facts["because"] == "heat is 0.9"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(
            CampaignFinished(time=NOW, actor="c", epoch=1, reason="all 5 trials"), ["campaign.finished"], id="finished"
        ),
        pytest.param(
            CampaignDrained(time=NOW, actor="c", epoch=1, reason="asked to stop"), ["campaign.drained"], id="drained"
        ),
        pytest.param(
            CampaignDrained(
                time=NOW, actor="c", epoch=1, because="window_closed", reason="the window 22:00-06:00 has closed"
            ),
            ["window.closed", "campaign.drained"],
            id="window",
        ),
        pytest.param(
            CampaignDrained(
                time=NOW, actor="c", epoch=1, because="outside_window", reason="outside of the window 22:00-06:00"
            ),
            ["campaign.drained"],
            id="outside",
        ),
    ],
)
def test_how_a_controllers_work_ended_is_told_and_whether_a_window_ended_it(end, expected):
    assert kinds(told([lease()], [end]))[1:] == expected


def test_what_was_known_before_this_controller_is_no_news():
    history, news = defined().extended([lease(), *measured(1, 1.0)]), News()
    assert news.of(history) == []
    assert news.of(history.extended(measured(2, 2.0))) == []


def limited(trial: int, mean: float, minutes: float, point: dict[str, float] = POINT) -> list[Event]:
    """Return the events of a trial that measures the metric of a constraint, too."""
    asked, begun, result = measured(trial, mean)
    assert isinstance(result, TrialObserved)
    metrics = {**result.metrics, "minutes": Measurement(mean=minutes)}
    return [asked.model_copy(update={"point": point}), begun, result.model_copy(update={"metrics": metrics})]


def news_of(history: History, *appends: list[Event]) -> list[Happening]:
    news, heard = News(), list[Happening]()
    news.of(history)
    for events in appends:
        history = history.extended(events)
        heard += news.of(history)
    return heard


def test_only_a_feasible_result_is_a_new_best():
    history = defined(constraints=["minutes <= 9"])
    heard = news_of(history, limited(1, 1.0, 10), limited(2, 3.0, 9), limited(3, 2.0, 8), limited(4, 0.5, 9.5))
    assert [happening.trial for happening in heard] == [2, 3]
    assert "new best feasible loss 2 in trial 3, before 3 (trial 2)" in heard[-1].text


def test_when_the_baseline_is_measured_the_best_of_all_that_it_makes_feasible_is_news():
    baseline = {"x": 0.1, "n": 2}
    history = defined(constraints=["minutes <= 2 * baseline"], baseline=baseline)
    heard = news_of(history, limited(2, 1.0, 10), limited(3, 2.0, 8), limited(1, 5.0, 4.5, baseline))
    assert [happening.trial for happening in heard] == [3]
    assert heard[0].text.endswith("new best feasible loss 2 in trial 3")
