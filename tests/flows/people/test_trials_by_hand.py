"""People add points, report results and abandon trials while the campaign runs."""

import asyncio

import pytest
from running import Gate, Running, hang, now
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.campaign import History
from overnight.campaign.errors import InvalidResult, NotUnderWay, Refused
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    Event,
    TrialAbandoned,
    TrialObserved,
    TrialProposed,
)
from overnight.flows.people.revising import revise
from overnight.flows.people.trials_by_hand import abandon, report_result, suggest, suggest_measured
from overnight.storage import MemoryLedger

POINT = {"x": 0.25, "n": 7}
LOSS = {"loss": 0.5}


async def frozen(running: Running) -> MemoryLedger:
    """Return the ledger as it would be found if the controller were killed now, and end the controller."""
    copy = MemoryLedger()
    for segment in await running.ledger.read():
        await copy.append(segment.events, after=segment.number - 1)
    running.controller.cancel()
    await asyncio.gather(running.controller, return_exceptions=True)
    return copy


async def test_a_suggested_point_is_tried_before_the_models_own_and_the_budget_counts_it():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: suggest(history, "ada@home", "a hunch", now(), POINT))
    await running.until(lambda history: 2 in history.trials)
    gate.open.set()
    history = await running.controller
    assert evaluator.evaluated == [(i, 1) for i in range(1, 9)]
    assert (history.trials[2].point, history.trials[2].proposal.generator) == (POINT, "manual")
    assert history.closed_by.kind == "campaign_finished"


async def test_a_suggestion_must_lie_in_the_space_and_within_the_budget():
    history = await Running(a_campaign(budget={"trials": 2}), ScriptedEvaluator()).controller
    with pytest.raises(Refused, match="all 2 trials of its budget are taken"):
        suggest(history, "ada@home", "", now(), POINT)
    gate = Gate()
    running = Running(a_campaign(workers=1), ScriptedEvaluator(gate.wait))
    history = await running.until(lambda history: history.started == 1)
    with pytest.raises(Refused, match=r"point.*`x`: expected a number between 0 and 1, got 2.*`n`: expected a value"):
        suggest(history, "ada@home", "", now(), {"x": 2})
    gate.open.set()
    await running.controller


async def test_what_awaits_approval_keeps_its_place_in_the_budget_from_what_is_done_by_hand():
    campaign = a_campaign(approve="always", baseline={"x": 0.5, "n": 3}, workers=1, budget={"trials": 2})
    running = Running(campaign, ScriptedEvaluator())
    history = await running.until(lambda history: history.awaiting == 1 and history.trials[1].outcome is not None)
    with pytest.raises(Refused, match="all 2 trials of its budget are taken, 1 of them by trials that await approval"):
        suggest(history, "ada@home", "", now(), POINT)
    [reported] = report_result(history, "ada@home", "", now(), 2, LOSS)
    assert history.extended([reported]).started == 2
    fewer = campaign.model_copy(update={"budget": campaign.budget.model_copy(update={"trials": 1})})
    spent = history.extended(revise(history, "ada@home", "", now(), fewer, {}))
    with pytest.raises(Refused, match="trial 2: all 1 trials in the budget"):
        report_result(spent, "ada@home", "", now(), 2, LOSS)
    running.stop.ask()
    await running.controller


async def test_a_point_that_was_measured_outside_is_observed_and_executed_by_nobody():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: suggest_measured(history, "ada@home", "by hand", now(), POINT, LOSS))
    await running.until(lambda history: 2 in history.trials)
    gate.open.set()
    history = await running.controller
    assert history.trials[2].outcome.metrics["loss"].mean == 0.5
    assert sorted(evaluator.evaluated) == [(i, 1) for i in (1, *range(3, 9))]
    assert (history.started, history.closed_by.kind) == (8, "campaign_finished")


async def test_a_result_is_taken_for_a_trial_that_waits_and_not_for_one_that_runs():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    history = await running.until(lambda history: history.started == 1)
    evaluated = r"trial 1: a controller.* is evaluating it, attempt 1 since .* Nothing was written"
    with pytest.raises(NotUnderWay, match=evaluated):
        report_result(history, "ada@home", "", now(), 1, LOSS)
    await running.append(lambda history: suggest(history, "ada@home", "", now(), POINT))
    history = await running.until(lambda history: 2 in history.trials)
    with pytest.raises(InvalidResult, match=r"^metrics: expected the metric `loss`, found `los`.*Did you mean `loss`"):
        report_result(history, "ada@home", "", now(), 2, {"los": 1})
    await running.append(lambda history: report_result(history, "ada@home", "", now(), 2, LOSS))
    history = await running.until(lambda history: history.trials[2].outcome is not None)
    with pytest.raises(NotUnderWay, match="trial 2: it has already ended, observed at"):
        report_result(history, "ada@home", "", now(), 2, LOSS)
    gate.open.set()
    history = await running.controller
    assert (2, 1) not in evaluator.evaluated
    assert history.started == 8


async def test_an_abandoned_trial_is_ended_where_it_runs_and_says_nothing_about_its_point():
    ended = asyncio.Event()

    async def until_it_is_ended(trial: int, attempt: int) -> float:
        try:
            await (asyncio.Event().wait() if trial == 1 else asyncio.sleep(0))
        except asyncio.CancelledError:
            ended.set()
            raise
        return 1.0

    evaluator = ScriptedEvaluator(until_it_is_ended)
    running = Running(a_campaign(workers=1, failures={"max_in_a_row": 1}), evaluator)
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: abandon(history, "ada@home", "it hangs", now(), 1))
    history = await running.controller
    assert ended.is_set()
    assert history.trials[1].status == "abandoned"
    assert (history.trials[1].outcome.by, history.trials[1].outcome.why) == ("ada@home", "it hangs")
    assert not history.trials[1].attempts[0].failed.will_retry
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 9)]
    view = history.model_view()
    assert (len(view.observed), view.pending, view.failed) == (7, (), ())


async def test_a_trial_that_is_abandoned_before_it_is_started_costs_nothing():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: suggest(history, "ada@home", "", now(), POINT))
    await running.append(lambda history: abandon(history, "ada@home", "no", now(), 2))
    await running.until(lambda history: 2 in history.trials and history.trials[2].outcome is not None)
    gate.open.set()
    history = await running.controller
    assert sorted(evaluator.evaluated) == [(i, 1) for i in (1, *range(3, 10))]
    assert history.started == 8


async def test_what_was_abandoned_while_no_controller_lived_is_ended_by_the_next_one():
    gone: list[int] = []

    class Outliving(ScriptedEvaluator):
        async def recover(self, request, folder, report):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                gone.append(request.trial)
                raise

    first = Running(a_campaign(workers=1), ScriptedEvaluator(hang))
    await first.until(lambda history: history.started == 1)
    ledger = await frozen(first)
    events = [TrialAbandoned(time=now(), actor="ada@home", trial=1, why="it hangs")]
    await ledger.append(events, after=(await ledger.read())[-1].number)
    history = await Running(a_campaign(workers=1), Outliving(), ledger).controller
    assert gone == [1]
    assert history.trials[1].attempts[0].failed.cause == "cancelled"
    assert (history.trials[1].status, history.started) == ("abandoned", 8)


def test_the_first_outcome_stands_and_a_late_result_is_only_kept():
    proposed = TrialProposed(time=now(), actor="c", trial=1, point=POINT, generator="sobol")
    started = AttemptStarted(time=now(), actor="c", trial=1, attempt=1, key="k")
    abandoned = TrialAbandoned(time=now(), actor="ada@home", trial=1, why="")
    late = TrialObserved(time=now(), actor="c", trial=1, attempt=1, metrics={})
    events: list[Event] = [proposed, started, abandoned, late, abandoned]
    history = History.from_events(events)
    assert history.trials[1].status == "abandoned"
    assert history.events == 3
    assert history.trials[1].forsaken_attempt is not None
    closed = AttemptFailed(time=now(), actor="c", trial=1, attempt=1, cause="cancelled", message="", will_retry=False)
    assert History.from_events([*events, closed]).trials[1].forsaken_attempt is None
