import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign, failed, run

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign import Campaign, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import CampaignHeld, CampaignStopped, InvalidDefinition
from overnight.campaign.evaluation import EvaluationReport
from overnight.campaign.history.events import AttemptStarted, Event, LeaseTaken, TrialProposed
from overnight.campaign.history.provenance import MadeBy, Provenance, Weights
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.past_results.importing import write_observations
from overnight.flows.past_results.matching import PastObservation
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm
from overnight.storage import MemoryLedger


async def test_a_campaign_tries_exactly_its_budget_with_at_most_its_workers_at_once():
    evaluator = ScriptedEvaluator()
    history = await run(a_campaign(), evaluator)
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 9)]
    assert evaluator.most_at_once == 3
    assert history.closed_by.kind == "campaign_finished"


async def test_proposal_and_attempt_are_in_the_ledger_before_the_evaluator_is_called():
    ledger = MemoryLedger()
    seen: list[bool] = []

    async def look(trial: int, attempt: int) -> float:
        events = await events_of(ledger)
        proposed = any(isinstance(e, TrialProposed) and e.trial == trial for e in events)
        started = any(isinstance(e, AttemptStarted) and (e.trial, e.attempt) == (trial, attempt) for e in events)
        seen.append(proposed and started)
        return 1.0

    await run(a_campaign(), ScriptedEvaluator(look), ledger)
    assert seen == [True] * 8


async def test_an_infrastructure_failure_is_tried_again_as_a_new_attempt_of_the_same_trial():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("infrastructure") if attempt < 3 else 1.0)
    history = await run(a_campaign(budget={"trials": 1}), evaluator)
    assert evaluator.evaluated == [(1, 1), (1, 2), (1, 3)]
    assert [a.failed.cause for a in history.trials[1].attempts[:2]] == ["infrastructure"] * 2
    assert history.trials[1].outcome.kind == "observed"


async def test_attempts_after_infrastructure_failures_end_at_the_limit():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("infrastructure"))
    history = await run(a_campaign(budget={"trials": 1}, failures={"max_attempts": 2}), evaluator)
    assert evaluator.evaluated == [(1, 1), (1, 2)]
    assert history.trials[1].outcome.kind == "failed"


async def test_a_point_that_kills_three_workers_is_quarantined_and_its_end_names_the_attempts():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("infrastructure") if trial == 2 else 1.0)
    history = await run(a_campaign(), evaluator)
    end = history.trials[2].outcome
    assert (end.kind, end.cause, end.quarantined) == ("failed", "infrastructure", True)
    named = "; ".join(f"attempt {number}: a case of infrastructure" for number in (1, 2, 3))
    assert end.message == f"given up after 3 attempts, its point is quarantined ({named})"
    assert sum(t.point == history.trials[2].point for t in history.trials.values()) == 1
    assert len(history.model_view().observed) == 7


async def test_a_single_death_puts_no_point_into_quarantine():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("infrastructure") if trial == 2 else 1.0)
    history = await run(a_campaign(failures={"max_attempts": 1}), evaluator)
    end = history.trials[2].outcome
    assert (end.message, end.quarantined) == ("a case of infrastructure", False)


async def test_a_timeout_is_tried_again_where_the_policy_says_so_and_never_quarantined():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("timeout" if attempt != 2 else "infrastructure"))
    history = await run(a_campaign(budget={"trials": 1}, failures={"on_timeout": "retry"}), evaluator)
    assert evaluator.evaluated == [(1, 1), (1, 2), (1, 3)]
    end = history.trials[1].outcome
    assert (end.cause, end.quarantined) == ("timeout", False)
    assert end.message.startswith("given up after 3 attempts (attempt 1: a case of timeout; attempt 2: ")


@pytest.mark.parametrize("cause", ["configuration", "timeout", "invalid_result", "infeasible"])
async def test_what_the_point_is_to_blame_for_is_recorded_and_not_repeated(cause):
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed(cause) if trial == 2 else 1.0)
    history = await run(a_campaign(), evaluator)
    assert history.trials[2].outcome.cause == cause
    assert history.trials[2].outcome.message == f"a case of {cause}"
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 9)]


async def test_an_evaluator_that_breaks_its_promise_and_raises_is_an_infrastructure_failure():
    evaluator = ScriptedEvaluator(lambda trial, attempt: RuntimeError("oops") if attempt == 1 else 1.0)
    history = await run(a_campaign(budget={"trials": 1}), evaluator)
    assert history.trials[1].attempts[0].failed.message == "RuntimeError: oops"
    assert history.trials[1].outcome.kind == "observed"


async def test_too_many_failures_in_a_row_stop_the_campaign_and_it_can_go_on_later():
    ledger, campaign = MemoryLedger(), a_campaign(failures={"max_in_a_row": 3}, workers=1)
    with pytest.raises(CampaignStopped, match=r"3 trials in a row failed.*evaluator error"):
        await run(campaign, ScriptedEvaluator(lambda trial, attempt: failed("configuration")), ledger)
    mended = ScriptedEvaluator()
    history = await run(campaign, mended, ledger)
    assert sorted(mended.evaluated) == [(i, 1) for i in range(4, 9)]
    assert history.closed_by.kind == "campaign_finished"


async def test_failures_that_are_tried_again_stop_no_campaign_however_many_workers_see_them_at_once():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("infrastructure") if attempt == 1 else 1.0)
    history = await run(a_campaign(budget={"trials": 16}, workers=8, failures={"back_off": 0}), evaluator)
    assert len(history.model_view().observed) == 16


@pytest.mark.parametrize(("workers", "observed", "most"), [(1, 0, 5), (1, 1, 20), (8, 0, 8), (8, 1, 32)])
async def test_an_evaluator_that_always_fails_is_noticed_soon_and_a_region_that_fails_is_given_its_time(
    workers: int, observed: int, most: int
):
    evaluator = ScriptedEvaluator(lambda trial, attempt: 1.0 if trial <= observed else failed("configuration"))
    campaign = a_campaign(budget={"trials": 60}, workers=workers)
    ledger = MemoryLedger()
    with pytest.raises(CampaignStopped, match="trials in a row failed"):
        await run(campaign, evaluator, ledger)
    history = History.from_events(event for segment in await ledger.read() for event in segment.events)
    # Trials that are under way when it is noticed end as well.
    assert 0 <= len(history.trials) - observed - most < 2 * workers


class Pessimist(PlainSteps):
    """Predicts that every point will probably fail."""

    async def propose(self, request: ProposalRequest):
        proposals = await super().propose(request)
        doubts = Provenance(made_by=MadeBy(seed=0), weights=Weights(probability_feasible=0.4))
        return [proposal.model_copy(update={"provenance": doubts}) for proposal in proposals]


async def test_three_failures_that_the_model_foresaw_count_as_one():
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("configuration"))
    campaign = a_campaign(budget={"trials": 60}, workers=1, failures={"max_in_a_row": 4})
    job = Job(campaign, evaluator, SobolProposer(), MemoryLedger(), Path("unused"))
    with pytest.raises(CampaignStopped, match=r"12 trials in a row failed.*\n.*48 of 60 trials left"):
        await run_loop(job, Pessimist(), SystemClock(), StopRequest())


async def test_asked_once_to_stop_it_drains_and_later_goes_on():
    ledger, stop = MemoryLedger(), StopRequest()

    async def stop_in_the_third(trial: int, attempt: int) -> float:
        if trial == 3:
            stop.ask()
            await asyncio.sleep(0)
        return 1.0

    first = ScriptedEvaluator(stop_in_the_third)
    history = await run(a_campaign(), first, ledger, stop)
    assert history.closed_by.kind == "campaign_drained"
    assert all(t.outcome is not None for t in history.trials.values() if t.attempts)
    second = ScriptedEvaluator()
    history = await run(a_campaign(), second, ledger)
    assert sorted(first.evaluated + second.evaluated) == [(i, 1) for i in range(1, 9)]
    assert history.closed_by.kind == "campaign_finished"


async def test_asked_twice_to_stop_it_cancels_what_runs_and_later_tries_that_again():
    ledger, stop = MemoryLedger(), StopRequest()

    async def hang(trial: int, attempt: int) -> float:
        if trial == 3:
            stop.ask()
            stop.ask()
        if trial in (1, 2, 3):
            await asyncio.Event().wait()
        return 1.0

    history = await run(a_campaign(), ScriptedEvaluator(hang), ledger, stop)
    assert {t.attempts[0].failed.cause for t in history.trials.values() if t.attempts} == {"cancelled"}
    second = ScriptedEvaluator()
    history = await run(a_campaign(), second, ledger)
    assert sorted(second.evaluated) == [(1, 2), (2, 2), (3, 2), *((i, 1) for i in range(4, 9))]
    assert len(history.model_view().observed) == 8


async def test_an_attempt_that_a_dead_controller_left_open_is_recovered_before_it_is_repeated():
    ledger = MemoryLedger()
    job = Job(a_campaign(), ScriptedEvaluator(), SobolProposer(), ledger, Path("unused"))
    hanging = ScriptedEvaluator(lambda trial, attempt: asyncio.Event().wait())
    started = asyncio.Event()

    def when_started(history: History) -> None:
        if history.started == 3:
            started.set()

    controller = asyncio.create_task(run(a_campaign(), hanging, ledger, watch=when_started))
    await started.wait()
    frozen = MemoryLedger()
    for segment in await ledger.read():
        await frozen.append(segment.events, after=segment.number - 1)
    controller.cancel()
    await asyncio.gather(controller, return_exceptions=True)

    evaluator = ScriptedEvaluator()
    history = await run(job.campaign, evaluator, frozen)
    assert sorted(evaluator.recovered) == [(1, 1), (2, 1), (3, 1)]
    assert sorted(evaluator.evaluated) == [(1, 2), (2, 2), (3, 2), *((i, 1) for i in range(4, 9))]
    assert len(history.model_view().observed) == 8


async def test_a_second_controller_is_refused_while_the_first_lives():
    ledger = MemoryLedger()
    other = LeaseTaken(time=SystemClock().now(), actor="controller", epoch=1, host="elsewhere", pid=1, started="x")
    await ledger.append([other], after=0)
    with pytest.raises(CampaignHeld, match="process 1 on host elsewhere"):
        await run(a_campaign(), ScriptedEvaluator(), ledger)


async def test_a_controller_that_has_lost_its_lease_writes_no_more():
    ledger = MemoryLedger()

    async def lose_the_lease(trial: int, attempt: int) -> float:
        if trial == 2:
            segments = await ledger.read()
            thief = LeaseTaken(
                time=SystemClock().now(), actor="controller", epoch=2, host="elsewhere", pid=1, started="x"
            )
            await ledger.append([thief], after=segments[-1].number)
        return 1.0

    with pytest.raises(CampaignHeld, match="took over"):
        await run(a_campaign(), ScriptedEvaluator(lose_the_lease), ledger)
    events: list[Event] = [e for s in await ledger.read() for e in s.events]
    assert events[-1].kind == "lease_taken"


async def test_another_definition_under_the_same_name_is_refused_and_a_larger_budget_is_recorded():
    ledger = MemoryLedger()
    await run(a_campaign(), ScriptedEvaluator(), ledger)
    with pytest.raises(InvalidDefinition, match="seed"):
        await run(a_campaign(seed=1), ScriptedEvaluator(), ledger)
    more = ScriptedEvaluator()
    history = await run(a_campaign(budget={"trials": 10}), more, ledger)
    assert sorted(more.evaluated) == [(9, 1), (10, 1)]
    assert history.revised.definition.budget.trials == 10


async def test_a_spent_wall_clock_budget_starts_nothing_more():
    class Jumping(SystemClock):
        passed = timedelta()

        def now(self) -> datetime:
            return super().now() + self.passed

    clock, all_begun = Jumping(), asyncio.Barrier(3)

    async def slow(trial: int, attempt: int) -> float:
        await all_begun.wait()
        clock.passed = timedelta(hours=2)
        return 1.0

    campaign = a_campaign(budget={"trials": 1000, "wall_clock": 3600})
    history = await run(campaign, ScriptedEvaluator(slow), clock=clock)
    assert history.started == 3
    assert all(t.outcome is not None for t in history.trials.values() if t.attempts)
    assert history.closed_by.reason == "the wall-clock budget is spent"


async def test_what_is_measured_on_the_way_is_written_down():
    class Reporting(ScriptedEvaluator):
        async def evaluate(self, request, folder, report):
            for step in range(3):
                report(EvaluationReport(step=step, metrics={"loss": Measurement(mean=step)}))
                await asyncio.sleep(0)
            return await super().evaluate(request, folder, report)

    history = await run(a_campaign(budget={"trials": 2}), Reporting())
    assert [r.step for r in history.reports[1]] == [0, 1, 2]


async def test_a_space_without_points_left_finishes_the_campaign():
    campaign = a_campaign(parameters={"n": {"kind": "int", "low": 1, "high": 4}}, workers=3)
    evaluator = ScriptedEvaluator()
    history = await run(campaign, evaluator, proposer=BayesianProposer())
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 5)]
    assert history.closed_by.kind == "campaign_finished"
    assert history.closed_by.reason == "every point of the space has been tried"
    assert history.closed_by.because == "space"


async def test_a_trial_that_somebody_asked_for_by_hand_is_left_to_them():
    ledger, now = MemoryLedger(), SystemClock().now()

    async def bring_one(trial: int, attempt: int) -> float:
        if trial == 2:
            segments = await ledger.read()
            number = History.from_events(e for s in segments for e in s.events).next_trial
            own = [
                TrialProposed(time=now, actor="ask-tell", trial=number, point={"x": 0.5, "n": 7}, generator="manual"),
                AttemptStarted(time=now, actor="ask-tell", trial=number, attempt=1, key="by-hand"),
            ]
            await ledger.append(own, after=segments[-1].number)
            brought.append(number)
        return 1.0

    brought: list[int] = []
    evaluator = ScriptedEvaluator(bring_one)
    history = await run(a_campaign(), evaluator, ledger)
    [number] = brought
    assert number not in {trial for trial, _ in evaluator.evaluated}
    assert history.trials[number].pending
    assert len(history.trials) == 8
    again = ScriptedEvaluator()
    await run(a_campaign(budget={"trials": 9}), again, ledger)
    assert again.recovered == []
    assert again.evaluated == [(9, 1)]


class Orphans(ScriptedEvaluator):
    """Finds the attempts of its predecessor still running, until it is asked to end them."""

    def __init__(self) -> None:
        super().__init__(lambda trial, attempt: asyncio.Event().wait())
        self.ended: list[tuple[int, int]] = []
        self.asked_to_end, self.let_end = asyncio.Event(), asyncio.Event()

    async def recover(self, request, folder, report):
        await super().recover(request, folder, report)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.asked_to_end.set()
            await self.let_end.wait()
            self.ended.append((request.trial, request.attempt))
            raise


async def left_running(campaign: Campaign) -> MemoryLedger:
    """Return the ledger of a controller that was killed when all of its workers were busy."""
    ledger, busy = MemoryLedger(), asyncio.Event()

    def when_started(history: History) -> None:
        if history.started == campaign.workers:
            busy.set()

    controller = asyncio.create_task(run(campaign, Orphans(), ledger, watch=when_started))
    await busy.wait()
    frozen = MemoryLedger()
    for segment in await ledger.read():
        await frozen.append(segment.events, after=segment.number - 1)
    controller.cancel()
    await asyncio.gather(controller, return_exceptions=True)
    return frozen


async def test_more_lost_attempts_than_failures_in_a_row_are_allowed_do_not_stop_a_resumed_campaign():
    campaign = a_campaign(workers=8, failures={"max_in_a_row": 2, "max_attempts": 1})
    history = await run(campaign, ScriptedEvaluator(), await left_running(campaign))
    assert len(history.model_view().observed) == 8


async def test_attempts_that_died_with_their_machine_count_for_their_trials_but_not_as_failures_in_a_row():
    class OfADeadMachine(ScriptedEvaluator):
        async def recover(self, request, folder, report):
            return failed("infrastructure")

    campaign = a_campaign(budget={"trials": 9}, workers=8, failures={"max_in_a_row": 2, "max_attempts": 1})
    history = await run(campaign, OfADeadMachine(), await left_running(campaign))
    assert [t.status for t in history.trials.values()] == ["failed"] * 8 + ["observed"]
    assert {t.outcome.cause for t in history.model_view().failed} == {"infrastructure"}


class Unwilling(PlainSteps):
    """An engine that never starts an evaluation, or raises instead."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem

    async def evaluate(self, execution: Execution):
        if self.problem is not None:
            raise self.problem
        await asyncio.Event().wait()


async def test_what_a_killed_controller_left_running_is_ended_though_the_engine_never_let_its_recovery_begin():
    campaign = a_campaign(workers=2)
    ledger, found, stop = await left_running(campaign), Orphans(), StopRequest()
    found.let_end.set()
    job = Job(campaign, found, SobolProposer(), ledger, Path("unused"))

    def when_held(history: History) -> None:
        if history.lease is not None and history.lease.epoch == 2:
            stop.ask()
            stop.ask()

    history = await run_loop(job, Unwilling(), SystemClock(), stop, when_held)
    assert sorted(found.ended) == [(1, 1), (2, 1)]
    assert [t.attempts[0].failed.cause for t in history.trials.values()] == ["cancelled"] * 2


async def test_what_a_killed_controller_left_running_is_waited_for_though_the_engine_fails():
    campaign, stop = a_campaign(workers=2), StopRequest()

    class EndedMeanwhile(ScriptedEvaluator):
        async def recover(self, request, folder, report):
            await super().recover(request, folder, report)
            return EvaluationSucceeded(metrics={"loss": Measurement(mean=1.0)})

    ledger, found = await left_running(campaign), EndedMeanwhile()
    job = Job(campaign, found, SobolProposer(), ledger, Path("unused"))
    stop.ask()
    history = await run_loop(job, Unwilling(OSError("no engine")), SystemClock(), stop)
    assert sorted(found.recovered) == [(1, 1), (2, 1)]
    assert [t.outcome.attempt for t in history.trials.values()] == [1, 1]


class Pulse:
    """A heartbeat whose signs a test can wait for."""

    def __init__(self) -> None:
        self.signs: asyncio.Queue[str] = asyncio.Queue()

    async def last(self) -> str:
        return ""

    async def beat(self, sign: str) -> None:
        self.signs.put_nowait(sign)


async def test_a_controller_gives_signs_of_life_until_nothing_of_its_evaluations_runs():
    campaign = a_campaign(workers=2)
    ledger, found, stop = await left_running(campaign), Orphans(), StopRequest()
    ledger.heartbeat = Pulse()
    job = Job(campaign, found, SobolProposer(), ledger, Path("unused"), rhythm=Rhythm(beat=0.001))

    def when_held(history: History) -> None:
        if history.lease is not None and history.lease.epoch == 2:
            stop.ask()
            stop.ask()

    controller = asyncio.create_task(run_loop(job, PlainSteps(), SystemClock(), stop, when_held))
    await found.asked_to_end.wait()
    while not ledger.heartbeat.signs.empty():
        ledger.heartbeat.signs.get_nowait()
    for _ in range(3):
        await ledger.heartbeat.signs.get()
    assert found.ended == []
    found.let_end.set()
    await controller
    assert sorted(found.ended) == [(1, 1), (2, 1)]


async def test_every_proposal_knows_every_trial_that_was_pending_when_it_was_asked_for():
    pending_when_asked: list[tuple[int, ...]] = []

    class Recording(PlainSteps):
        async def propose(self, request: ProposalRequest):
            pending_when_asked.append(tuple(t.id for t in request.history.model_view().pending))
            return await super().propose(request)

        async def evaluate(self, execution: Execution):
            return await super().evaluate(execution)

    job = Job(
        a_campaign(budget={"trials": 14}),
        ScriptedEvaluator(lambda trial, attempt: float(trial % 5)),
        BayesianProposer(initial=4),
        MemoryLedger(),
        Path("unused"),
    )
    history = await run_loop(job, Recording(), SystemClock(), StopRequest())
    by_model = [t for t in history.trials.values() if t.proposal.generator == "model"]
    assert by_model
    for trial in by_model:
        assert trial.proposal.provenance.knew.pending in pending_when_asked
    # Each trial belongs to the request that it came from, which is named by the first trial of its batch.
    batches = history.batches()
    assert sorted(trial.id for together in batches.values() for trial in together) == sorted(history.trials)
    assert all(first == together[0].id for first, together in batches.items())
    for together in batches.values():
        assert (
            len({(t.proposal.provenance.asked.events_seen, t.proposal.provenance.made_by.seed) for t in together}) == 1
        )
    assert len(batches) == len(pending_when_asked)


async def test_imported_trials_cost_nothing_of_the_budget_and_are_not_executed():
    ledger, evaluator = MemoryLedger(), ScriptedEvaluator()
    measured = {"loss": Measurement(mean=1.0)}
    past = [PastObservation({"x": n / 10, "n": n}, measured, {}) for n in range(1, 11)]
    await write_observations(Journal(ledger), a_campaign(), {}, SystemClock(), past)
    history = await run(a_campaign(budget={"trials": 3}), evaluator, ledger)
    assert sorted(evaluator.evaluated) == [(11, 1), (12, 1), (13, 1)]
    assert evaluator.recovered == []
    assert (history.closed_by.kind, len(history.model_view().observed)) == ("campaign_finished", 13)
