import multiprocessing
import threading

import pytest
from asked_campaign import CAMPAIGN, revised, segments

from overnight.campaign.errors import BudgetSpent, CannotStart, NotUnderWay
from overnight.evaluators import Infeasible
from overnight.flows.api.ask_tell import AskTell


@pytest.fixture
def source(tmp_path):
    return CAMPAIGN | {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}


def test_a_loop_of_ones_own_takes_six_lines(source):
    campaign = AskTell(source)
    for _ in range(9):
        trial = campaign.ask()
        campaign.tell(trial, 1 - (trial.point["x"] - 0.3) ** 2)
    assert abs(campaign.recommend().point["x"] - 0.3) < 0.1


def test_what_was_asked_and_not_told_is_pending_for_the_next_who_opens_the_ledger(source):
    asked = AskTell(source).ask()
    assert [t.id for t in AskTell(source).history.model_view().pending] == [asked.id]


def test_results_may_be_numbers_pairs_mappings_or_exceptions(source):
    campaign = AskTell(source)
    results = (1, (2.0, 0.5), {"score": {"mean": 3.0, "sem": 0.0}, "extra": 7}, ValueError("no"), Infeasible("never"))
    for result in results:
        campaign.tell(campaign.ask(), result)
    outcomes = [t.outcome for t in campaign.history.trials.values()]
    assert [o.metrics["score"].mean for o in outcomes[:3]] == [1, 2, 3]
    assert [o.metrics["score"].sem for o in outcomes[:3]] == [None, 0.5, 0.0]
    assert [(o.cause, o.message) for o in outcomes[3:]] == [
        ("configuration", "ValueError: no"),
        ("infeasible", "Infeasible: never"),
    ]


def test_what_was_measured_at_an_infeasible_point_is_kept_beside_its_failure(source):
    campaign = AskTell(source)
    results = ({"seconds": 3, "rows": float("nan")}, 0.5, None)
    for metrics in results:
        campaign.tell(campaign.ask(), Infeasible("too slow", metrics=metrics))
    ends = [trial.attempts[-1].failed for _, trial in sorted(campaign.history.trials.items())]
    assert [end.cause for end in ends] == ["infeasible"] * 3
    kept = [{name: found.mean for name, found in end.metrics.items()} for end in ends]
    assert kept == [{"seconds": 3.0}, {"score": 0.5}, {}]
    assert [len(end.notes) for end in ends] == [1, 0, 0]
    assert campaign.history.model_view().observed == ()


def test_the_first_outcome_stands(source):
    campaign = AskTell(source)
    trial = campaign.ask()
    campaign.tell(trial, 1.0)
    with pytest.raises(NotUnderWay, match=r"trial 1: it has already ended, observed at .* Nothing was written"):
        campaign.tell(trial, 2.0)
    assert campaign.history.trials[trial.id].outcome.metrics["score"].mean == 1.0


def test_a_trial_that_nobody_asked_for_cannot_be_told(source):
    with pytest.raises(NotUnderWay, match="no such trial"):
        AskTell(source).tell(5, 1.0)
    assert segments(source) == 0


def test_a_spent_budget_is_said(source):
    campaign = AskTell(source)
    for _ in range(9):
        campaign.ask()
    with pytest.raises(BudgetSpent, match=r"budget\.trials"):
        campaign.ask()


def test_several_who_ask_at_once_get_different_trials(source):
    asked: list[int] = []

    def ask() -> None:
        asked.append(AskTell(source).ask().id)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(asked) == [1, 2, 3, 4]


def test_threads_that_share_one_campaign_ask_and_tell_each_trial_once(source):
    campaign = AskTell({**source, "budget": {"trials": 40}, "proposer": {"kind": "sobol"}})
    barrier = threading.Barrier(20)

    def work() -> None:
        mine = [campaign.ask() for _ in range(2)]
        barrier.wait()
        for trial in mine:
            campaign.tell(trial, trial.point["x"])

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = campaign.history
    assert [t.outcome.metrics["score"].mean for t in history.trials.values()] == [
        t.point["x"] for t in history.trials.values()
    ]
    assert len(history.trials) == 40


def test_many_campaigns_may_be_opened_one_after_the_other(source):
    before = threading.active_count()
    for _ in range(50):
        assert not AskTell(source).history.trials
    # All campaigns share one event loop and its few threads for files.
    assert threading.active_count() - before < 30


def asked_in_a_child(campaign, source, said) -> None:
    try:
        campaign.ask()
    except CannotStart as problem:
        said.put(str(problem))
    said.put(AskTell(source).ask().id)


def test_a_forked_process_is_told_to_open_the_campaign_itself(source):
    campaign = AskTell(source)
    campaign.ask()
    forking = multiprocessing.get_context("fork")
    said = forking.Queue()
    child = forking.Process(target=asked_in_a_child, args=(campaign, source, said))
    child.start()
    assert "Open it in this process as well" in said.get()
    assert said.get() == 2
    child.join()


def test_what_somebody_revised_meanwhile_is_followed_and_never_taken_back(source):
    campaign, wider = AskTell(source), {"x": {"kind": "float", "low": 5, "high": 6}}
    first = campaign.ask()
    revised(source, budget={"trials": 2}, parameters=wider)
    campaign.tell(first, 1.0)
    assert AskTell(source).recommend() is None
    second = campaign.ask()
    assert 5 <= second.point["x"] <= 6
    campaign.tell(second, 2.0)
    with pytest.raises(BudgetSpent, match="All 2 trials"):
        campaign.ask()
    history = AskTell(source).history
    assert (history.revised.actor, history.revised.revision) == ("ada@home", 1)
    assert campaign.recommend().trial == second.id


def test_looking_at_the_history_writes_nothing(source):
    assert not AskTell(source).history.trials
    assert AskTell(source).recommend() is None
    assert segments(source) == 0
    AskTell(source).ask()
    before = segments(source)
    assert len(AskTell({**source, "budget": {"trials": 20}}).history.trials) == 1
    assert segments(source) == before > 0


def test_at_the_end_the_recommendation_is_recorded_once_and_returned_to_every_reader(source):
    campaign = AskTell(source)
    for number in range(9):
        trial = campaign.ask()
        assert (campaign.recommend() is None) == (number == 0)
        campaign.tell(trial, 1 - (trial.point["x"] - 0.3) ** 2)
    assert AskTell(source).recommend() == AskTell(source).recommend()
    assert campaign.history.recommendation is None
    found = campaign.recommend()
    made = campaign.history.recommendation
    assert (made.recommendation, made.actor) == (found, "ask-tell")
    before = segments(source)
    assert found == campaign.recommend() == AskTell(source).recommend()
    assert segments(source) == before
    assert campaign.recommend(anywhere=False).trial == found.best_measured
