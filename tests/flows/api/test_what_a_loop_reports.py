"""The trials of a user's own loop: refused results, lost evaluations, and trials that are not the loop's."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from asked_campaign import CAMPAIGN, revised, segments
from running import Gate, Running
from scripted_campaign import ScriptedEvaluator

from overnight.campaign import Campaign
from overnight.campaign.errors import (
    AskLater,
    BudgetSpent,
    CampaignStopped,
    InvalidResult,
    NotUnderWay,
    OvernightError,
    Refused,
    SpaceExhausted,
)
from overnight.campaign.history.events import AttemptUnknown
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.host.clock import SystemClock
from overnight.flows.people.requests import ask_to_stop
from overnight.storage import open_ledger

NAN = float("nan")


@pytest.fixture
def source(tmp_path):
    return CAMPAIGN | {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (
            {"scor": 0.25, "size": 3},
            "expected the metric `score`, found `scor`, `size`.*Did you mean `score` by `scor`",
        ),
        ({"score": NAN}, "metric `score`: expected a finite number as mean, got nan"),
        (NAN, "metric `score`: expected a finite number"),
        (float("inf"), "got inf"),
        (None, "got None"),
        ("0.25", "got '0.25'"),
        ({}, "expected the metric `score`, found none"),
        ((1.0, -1.0), "expected a sem of 0 or more"),
        ((1.0, NAN), "expected a finite number as sem"),
        (np.array([1.0, 2.0]), "expected a finite number"),
    ],
)
def test_a_result_that_is_none_is_refused_and_the_trial_stays_under_way(source, result, says):
    campaign = AskTell(source)
    trial = campaign.ask()
    before = segments(source)
    with pytest.raises(InvalidResult, match=rf"(?s)tell: trial 1: .*{says}.*Nothing was written"):
        campaign.tell(trial, result)
    assert segments(source) == before
    campaign.tell(trial, 0.25)
    assert campaign.history.trials[1].outcome.metrics["score"].mean == 0.25


@pytest.mark.parametrize("junk", [NAN, "warm start", None, [1, 2, 3]])
def test_what_nobody_asked_for_never_costs_a_result(source, junk):
    campaign = AskTell({**source, "metrics": ["size"]})
    trial = campaign.ask()
    campaign.report(trial, 1, 0.4)
    campaign.report(trial, 2, {"score": 0.5, "grad_norm": junk})
    campaign.tell(trial, {"score": 0.5, "size": 3, "f1": junk, "well": 1})
    metrics = campaign.history.trials[1].outcome.metrics
    assert {name: measured.mean for name, measured in metrics.items()} == {"score": 0.5, "size": 3, "well": 1}
    [note] = campaign.history.trials[1].outcome.notes
    assert note.startswith("metric `f1` was ignored: expected a")
    assert [[*report.metrics] for report in campaign.history.reports[1]] == [["score"], ["score"]]


def test_a_report_without_its_objective_is_refused(source):
    campaign = AskTell(source)
    trial = campaign.ask()
    for result in ({"scor": 0.5}, NAN, {"score": NAN, "size": 1}):
        with pytest.raises(InvalidResult, match=r"report: trial 1, step 1: .* Nothing was written"):
            campaign.report(trial, 1, result)
    assert not campaign.history.reports


@pytest.mark.parametrize("step", [-1, 1.5, True, "1", None, 2**63])
def test_a_step_is_a_whole_number(source, step):
    campaign = AskTell(source)
    campaign.ask()
    with pytest.raises(InvalidResult, match="expected a step that is a whole number of 0 or more"):
        campaign.report(1, step, 0.5)
    campaign.report(1, np.int64(0), 0.5)
    assert [report.step for report in campaign.history.reports[1]] == [0]


@pytest.mark.parametrize("cost", [-1, NAN, "free"])
def test_a_cost_that_is_none_is_refused(source, cost):
    campaign = AskTell(source)
    with pytest.raises(InvalidResult, match=r"`cost` was refused.*Nothing was written"):
        campaign.tell(campaign.ask(), 1.0, cost=cost)
    campaign.tell(1, 1.0, cost=0.5)
    assert campaign.history.trials[1].outcome.cost == 0.5


def test_a_lost_evaluation_is_asked_for_again_and_says_nothing_of_its_point(source):
    campaign = AskTell(source)
    for _ in range(3):
        campaign.tell(campaign.ask(), 1.0)
    lost = campaign.ask()
    assert campaign.retry(lost, ConnectionError("the spot instance was reclaimed"))
    history = campaign.history
    assert (history.trials[4].status, history.model_view().failed) == ("waiting", ())
    assert history.trials[4].attempts[0].failed.message == "ConnectionError: the spot instance was reclaimed"
    again = AskTell(source).ask()
    assert (again.id, again.point, [a.number for a in again.attempts]) == (4, lost.point, [1, 2])
    # A late result of the first attempt does not count as a result of the second.
    with pytest.raises(NotUnderWay, match="trial 4: attempt 1 of it was given up, and attempt 2 is under way"):
        campaign.tell(lost, 1.0)
    campaign.tell(again, 2.0)
    assert campaign.history.trials[4].outcome.attempt == 2


def test_between_two_attempts_there_is_nothing_to_report(source):
    campaign = AskTell(source)
    trial = campaign.ask()
    campaign.retry(trial, "lost")
    for report in (
        lambda: campaign.tell(trial, 1.0),
        lambda: campaign.retry(trial, "lost"),
        lambda: campaign.tell(1, 1),
    ):
        with pytest.raises(NotUnderWay, match=r"attempt 1 was given up \(lost\).*`ask` hands it out"):
            report()


def test_a_trial_that_is_lost_too_often_fails(source):
    campaign = AskTell({**source, "failures": {"max_attempts": 2}})
    assert campaign.retry(campaign.ask(), "lost")
    assert not campaign.retry(campaign.ask(), "lost again")
    [trial] = campaign.history.trials.values()
    assert (trial.outcome.kind, trial.outcome.cause) == ("failed", "infrastructure")
    assert campaign.ask().id == 2


@pytest.mark.parametrize("why", ["half a character: \ud800", None, KeyError("x\udfff")])
def test_any_reason_can_be_written(source, why):
    campaign = AskTell(source)
    campaign.retry(campaign.ask(), why)
    campaign.tell(campaign.ask(), ValueError(why))
    campaign.abandon(campaign.ask(), why)
    assert [trial.status for trial in AskTell(source).history.trials.values()] == ["failed", "abandoned"]


def test_the_loop_of_the_guide_runs(source, tmp_path, monkeypatch):
    guide = Path(__file__).parents[3].joinpath("docs", "how-to", "own-loop.md").read_text()
    [loop] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    tmp_path.joinpath("campaign.yaml").write_text(json.dumps({**source, "proposer": {"kind": "sobol"}}))
    monkeypatch.chdir(tmp_path)
    came = iter([1.0, ConnectionError("gone"), ValueError("too hot"), 2.0])

    def evaluate(point: dict) -> float:
        result = next(came, 3.0)
        if isinstance(result, Exception):
            raise result
        return result + point.pop("x")

    exec(loop, {"evaluate": evaluate})
    trials = AskTell(source).history.trials.values()
    assert [(t.status, len(t.attempts)) for t in trials][:3] == [("observed", 1), ("failed", 2), ("observed", 1)]
    assert len(trials) == source["budget"]["trials"]


def test_what_is_abandoned_says_nothing_of_its_point_and_does_not_come_back(source):
    campaign = AskTell(source)
    trial = campaign.ask()
    campaign.abandon(trial, "changed my mind")
    [known] = campaign.history.trials.values()
    assert (known.outcome.kind, known.outcome.why) == ("abandoned", "changed my mind")
    assert (known.forsaken_attempt, campaign.history.model_view().failed) == (None, ())
    assert campaign.ask().point != trial.point
    for end in (lambda: campaign.tell(trial, 1.0), lambda: campaign.abandon(trial, ""), lambda: campaign.retry(1, "")):
        with pytest.raises(NotUnderWay, match=r"it has already ended, abandoned by ask-tell at"):
            end()


@pytest.mark.parametrize("trial", [np.int64(1), np.uint8(1), 1])
def test_any_whole_number_is_a_trials_number(source, trial):
    campaign = AskTell(source)
    campaign.ask()
    campaign.tell(trial, 1.0)
    assert campaign.history.trials[1].status == "observed"


@pytest.mark.parametrize("trial", [True, np.True_, 1.0, "1", None, [1], {"id": 1}])
def test_what_is_no_trial_is_refused(source, trial):
    campaign = AskTell(source)
    campaign.ask()
    for use in (
        lambda: campaign.tell(trial, 1.0),
        lambda: campaign.report(trial, 1, 1.0),
        lambda: campaign.retry(trial, ""),
    ):
        with pytest.raises(NotUnderWay, match=r"expected a trial or its number, found .* Nothing was written"):
            use()
    assert campaign.history.trials[1].status == "running"


def test_a_trial_of_another_campaign_is_not_taken_for_one_of_this(source, tmp_path):
    one, other = AskTell(source), AskTell({**source, "ledger": str(tmp_path / "other")})
    mine, theirs = one.ask(), other.ask()
    with pytest.raises(NotUnderWay, match="belongs to another campaign or ledger"):
        one.tell(theirs, 1.0)
    # Also from another process: the trial was read from the ledger.
    AskTell(source).tell(AskTell(source).history.trials[mine.id], 1.0)
    assert one.history.trials[1].status == "observed"


def test_a_typo_does_not_end_a_loop_as_a_spent_budget_does(source):
    campaign = AskTell({**source, "budget": {"trials": 2}})
    for _ in range(2):
        campaign.ask()
    with pytest.raises(CampaignStopped) as spent:
        campaign.ask()
    assert isinstance(spent.value, BudgetSpent)
    for slip in (lambda: campaign.tell(99, 1.0), lambda: campaign.tell(1, NAN), lambda: campaign.tell(1, {"x": 1})):
        with pytest.raises(Refused) as refused:
            slip()
        assert not isinstance(refused.value, CampaignStopped)
    # After the end of the budget, a trial that is under way can still end.
    campaign.tell(1, 1.0)
    assert not campaign.history.trials[1].pending


def test_a_space_that_is_exhausted_ends_a_loop(source):
    campaign = AskTell({**source, "parameters": {"x": {"kind": "int", "low": 1, "high": 3}}})
    asked = [campaign.ask() for _ in range(3)]
    with pytest.raises(SpaceExhausted) as exhausted:
        campaign.ask()
    assert isinstance(exhausted.value, CampaignStopped)
    assert sorted(trial.point["x"] for trial in asked) == [1, 2, 3]


def test_a_paused_campaign_is_to_be_asked_later_and_goes_on_when_it_may(source):
    campaign = AskTell({**source, "approve": "always"})
    with pytest.raises(AskLater, match=r"1 trial awaits approval \(1\)") as later:
        campaign.ask()
    assert isinstance(later.value, OvernightError)
    assert not isinstance(later.value, CampaignStopped)
    with pytest.raises(NotUnderWay, match="trial 1: it awaits approval"):
        campaign.tell(1, 1.0)
    campaign.abandon(1, "no such thing")
    with pytest.raises(AskLater, match=r"1 trial awaits approval \(2\)"):
        campaign.ask()


class ByHand:
    """A clock that is set by hand."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_outside_of_the_window_nothing_is_given_out_unless_it_is_ignored(source):
    nightly, clock = {**source, "window": "22:00–06:00 UTC"}, ByHand(datetime(2026, 1, 5, 12, tzinfo=UTC))
    campaign = AskTell(nightly, clock)
    with pytest.raises(AskLater, match="outside the window 22:00–06:00 UTC, which opens Mon 2026-01-05 22:00 UTC"):
        campaign.ask()
    assert AskTell(nightly, clock, ignore_window=True).ask().id == 1
    clock.time += timedelta(hours=11)
    assert campaign.ask().id == 2
    clock.time += timedelta(hours=11)
    # A trial that is under way may end outside the window.
    campaign.tell(2, 1.0)


def test_what_is_kept_for_running_evaluations_may_be_there_later(source):
    campaign = AskTell({**source, "budget": {"trials": 9, "cost": 10}})
    first = campaign.ask()
    with pytest.raises(AskLater, match="kept for the evaluations under way"):
        campaign.ask()
    campaign.tell(first, 1.0, cost=1)
    assert campaign.ask().id == 2


async def test_a_trial_that_a_controller_has_evaluated_is_its_own(source):
    gate = Gate()
    definition = {key: value for key, value in source.items() if key not in ("ledger", "work", "evaluator", "proposer")}
    ledger = open_ledger(source["ledger"], CAMPAIGN["name"], Path())
    definition |= {"minimize": "loss", "maximize": None}
    source |= definition | {"proposer": {"kind": "sobol"}}
    running = Running(Campaign.model_validate(definition), ScriptedEvaluator(gate.wait), ledger)
    await running.until(lambda history: history.started == 1)
    campaign = AskTell(source)
    for use in (
        lambda: campaign.tell(1, 0.5),
        lambda: campaign.report(1, 3, 0.5),
        lambda: campaign.retry(1, "lost"),
        lambda: campaign.tell(1, ValueError()),
    ):
        with pytest.raises(NotUnderWay, match=r"trial 1: a controller.*attempt 1 since.*Nothing was written"):
            await asyncio.to_thread(use)
    # A trial that was asked for here is evaluated here, at the same time as the controller's.
    mine = await asyncio.to_thread(campaign.ask)
    assert (mine.id, mine.attempts[0].actor) == (2, "ask-tell")
    await asyncio.to_thread(AskTell(source).tell, mine.id, 0.25)
    # A request to drain applies to the controller only.
    await running.append(lambda history: ask_to_stop(history, "ada", "", SystemClock().now(), at_once=False))
    gate.open.set()
    history = await running.controller
    assert {n: t.outcome.metrics["loss"].mean for n, t in history.trials.items() if t.outcome} == {1: 1.0, 2: 0.25}
    assert (await asyncio.to_thread(campaign.ask)).pending


async def test_one_whose_fate_is_unknown_is_for_people_to_report(source):
    campaign = AskTell(source)
    await asyncio.to_thread(campaign.ask)
    ledger = open_ledger(source["ledger"], CAMPAIGN["name"], Path())
    segments_read = await ledger.read()
    when = SystemClock().now()
    unknown = AttemptUnknown(time=when, actor="controller", trial=1, attempt=1, message="who knows")
    await ledger.append([unknown], after=segments_read[-1].number)
    await asyncio.to_thread(campaign.tell, 1, 0.5)
    assert (await asyncio.to_thread(lambda: campaign.history)).trials[1].status == "observed"


def test_a_revised_budget_lets_a_spent_loop_go_on(source):
    campaign = AskTell({**source, "budget": {"trials": 1}})
    campaign.tell(campaign.ask(), 1.0)
    with pytest.raises(BudgetSpent):
        campaign.ask()
    revised(source, budget={"trials": 2})
    assert campaign.ask().id == 2


def test_metrics_that_are_called_mean_and_sem_are_both_kept(source):
    campaign = AskTell(source | {"maximize": None, "minimize": "mean", "metrics": ["sem"]})
    campaign.tell(campaign.ask(), {"mean": 0.25, "sem": 3.0})
    assert {name: found.mean for name, found in campaign.history.trials[1].outcome.metrics.items()} == {
        "mean": 0.25,
        "sem": 3.0,
    }
