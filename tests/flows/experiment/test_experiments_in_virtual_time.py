"""A/B tests from their first batch to their verdict, on evaluations that last for a week of virtual time."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from laboratory import DAY, HOUR, SLOW, run
from read_ledgers import events_of
from told_experiments import QUICK, experiment, hill

from benchmarks.virtual_time import VirtualClock
from overnight.bo_core.experiment.verdicts import verdict
from overnight.campaign import Campaign, EvaluationFailed, History, Measurement
from overnight.campaign.evaluation import ArmResult, EvaluationAnswer, EvaluationOngoing, EvaluationSucceeded
from overnight.campaign.history.events import AttemptStarted
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.controller.job import Job, evaluation_seed
from overnight.flows.experiment.marking import Marking
from overnight.flows.experiment.together import Together
from overnight.flows.host.stop import Stop
from overnight.flows.polling.polled import Polled
from overnight.storage import MemoryLedger

# Two batches of four arms, and two stages of two.
STATUS_QUO = {"x0": 0.5, "x1": 0.6}
CAMPAIGN = experiment(arms=4, budget={"trials": 12}, ramp_up={"stages": [0.1, 0.5]}, baseline=STATUS_QUO)
WEEK = 7


class Audience:
    """Serves the arms of each batch for a week, under a drift that all of them share."""

    time_limit = HOUR
    grace = patience = timedelta()

    def __init__(self, effect: float = 4.0, seed: int = 7) -> None:
        self.clock, self.effect, self.noise = VirtualClock(), effect, random.Random(seed)
        self.begun: dict[str, float] = {}
        self.seeds: list[int] = []
        self.days: dict[str, list[float]] = {}
        self.served: list[tuple[str, int, tuple[int, ...], tuple[int, ...]]] = []
        self.cancelled: list[str] = []
        self.fails = 0

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report) -> EvaluationAnswer:
        await self.clock.sleep(1.0)
        if request.handle is None:
            if self.fails:
                self.fails -= 1
                return EvaluationFailed(cause="infrastructure", message="no users today")
            self.seeds.append(request.seed)
            handle = f"week {len(self.begun) + 1}"
            self.begun[handle] = 3.0 * self.noise.gauss(0, 1)
            return EvaluationOngoing(handle=handle)
        if request.cancel:
            self.cancelled.append(request.handle)
            return EvaluationFailed(cause="cancelled", message="ended")
        running = tuple(arm.trial for arm in request.arms if not arm.ended)
        ended = tuple(arm.trial for arm in request.arms if arm.ended)
        self.served.append((request.handle, request.look, running, ended))
        arms = {
            arm.trial: ArmResult(metrics=self._measured(arm, request)) for arm in request.arms if arm.trial in running
        }
        if request.look < WEEK:
            return EvaluationOngoing(handle=request.handle, arms=arms)
        return EvaluationSucceeded(metrics={}, arms=arms, cost=100.0)

    async def recover(self, request, folder, report) -> EvaluationAnswer | None:
        return None

    def _measured(self, arm, request) -> dict[str, Measurement]:
        """Return the cumulative mean of the users so far; those of each day are drawn once."""
        days = self.days.setdefault(arm.key, [])
        each = max(arm.traffic // WEEK, 1)
        while len(days) < request.look:
            days.append(self.begun[request.handle] + 15.0 / each**0.5 * self.noise.gauss(0, 1))
        n, so_far = each * len(days), sum(days) / len(days)
        return {"rate": Measurement(mean=so_far + self.effect * hill(arm.parameters), sem=15.0 / n**0.5, n=n)}


def job(audience: Audience, ledger: MemoryLedger, campaign: Campaign = CAMPAIGN, work: str = "unused") -> Job:
    ended = set[int]()
    polled = Polled(Marking(audience, ended), Polling(every=DAY), audience.clock)
    return Job(campaign, Together(polled, ended), QUICK, ledger, Path(work), rhythm=SLOW, goes_on=True)


@pytest.fixture(scope="module")
def whole() -> tuple[History, Audience]:
    audience = Audience()
    return run(job(audience, MemoryLedger())), audience


def test_each_batch_is_begun_once_and_served_day_by_day(whole):
    history, audience = whole
    batches = history.batches()
    assert list(audience.begun) == [f"week {i + 1}" for i in range(len(batches))]
    assert audience.seeds == [evaluation_seed(CAMPAIGN, batch) for batch in batches]
    assert [len(batch) for batch in batches.values()] == [4, 4, 2, 2]
    for handle, batch in zip(audience.begun, batches.values(), strict=True):
        looks = [look for served, look, _, _ in audience.served if served == handle]
        assert looks == [*range(1, WEEK + 1)]
        assert {trial.attempts[-1].handle for trial in batch} == {handle}
        assert [trial.proposal.generator == "baseline" for trial in batch] == [True] + [False] * (len(batch) - 1)


def test_each_arm_has_one_outcome_and_its_own_measurements(whole):
    history, _ = whole
    for trial in history.trials.values():
        assert trial.status in ("observed", "stopped")
        assert len(trial.attempts) == 1
        if trial.status == "observed":
            assert trial.measured["rate"].n == pytest.approx(trial.proposal.weight * 60_000, abs=WEEK)
            assert trial.outcome.cost == pytest.approx(100.0 * trial.proposal.weight, rel=1e-3)


def test_an_arm_that_does_harm_is_stopped_and_marked_while_the_others_go_on(whole):
    history, audience = whole
    stopped = [trial for trial in history.trials.values() if trial.status == "stopped"]
    assert stopped, "the scenario needs a harmful arm"
    for trial in stopped:
        assert trial.outcome.rule == "harm"
        assert hill(trial.point) < hill(STATUS_QUO)
        later = [served for served in audience.served if trial.id in (*served[2], *served[3])]
        assert [trial.id in ended for _, _, _, ended in later] == [look > trial.outcome.step for _, look, _, _ in later]


def test_the_best_arm_is_confirmed_on_fresh_traffic_and_the_campaign_ends(whole):
    history, _ = whole
    found = verdict(history)
    assert found.state == "confirmed"
    assert history.finished is not None
    assert history.finished.because == "trials"
    assert found.candidate is not None
    assert hill(found.candidate.point) > hill(STATUS_QUO)
    assert found.candidate.effect is not None
    truth = 4.0 * (hill(found.candidate.point) - hill(STATUS_QUO))
    assert found.candidate.effect.low <= truth <= found.candidate.effect.high


def test_without_any_effect_few_campaigns_claim_that_an_arm_is_better():
    campaign = CAMPAIGN.model_copy(update={"arms": 3, "budget": CAMPAIGN.budget.model_copy(update={"trials": 7})})
    ended = [run(job(Audience(effect=0.0, seed=seed), MemoryLedger(), campaign)) for seed in range(40)]
    assert all(history.finished is not None for history in ended)
    ramped_up = sum(any(t.proposal.generator == "ramp_up" for t in history.trials.values()) for history in ended)
    assert ramped_up > 20, "the scenario needs candidates that look good by luck"
    # With a probability of 5 % each, more than 7 of 40 claims happen in less than one of a thousand such tests.
    assert sum(verdict(history).state == "confirmed" for history in ended) <= 7


@pytest.mark.parametrize("days", [0.00001, 0.5, 3.5, 6.99, 10])
def test_a_controller_that_is_stopped_in_a_batch_leaves_it_and_the_next_one_continues(days):
    audience, ledger = Audience(), MemoryLedger()
    left = run(job(audience, ledger), Stop.NOW, after=days * DAY)
    assert left.closed_by is not None
    assert left.closed_by.kind == "campaign_drained"
    # On another host, without the folders of the first one.
    history = run(job(audience, ledger, work="elsewhere"))
    assert len(audience.begun) == len(history.batches()) == 4
    assert audience.cancelled == []
    assert all(len(trial.attempts) == 1 for trial in history.trials.values())
    assert history.finished is not None


def test_a_batch_that_could_not_begin_is_tried_again_as_a_whole():
    audience, ledger = Audience(), MemoryLedger()
    audience.fails = 1
    history = run(job(audience, ledger))
    first = next(iter(history.batches().values()))
    assert [len(trial.attempts) for trial in first] == [2, 2, 2, 2]
    starts = [event.trial for event in asyncio.run(events_of(ledger)) if isinstance(event, AttemptStarted)]
    assert starts[:8] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert history.finished is not None


class WithoutLooks(Audience):
    """Answers with results only; every candidate breaks the guardrail as soon as it is on fresh traffic."""

    async def evaluate(self, request, folder, report) -> EvaluationAnswer:
        fresh = len(request.arms) == 2
        arms = {
            arm.trial: self._result(hill(arm.parameters), 9.0 if fresh and not arm.status_quo else 1.0, arm.traffic)
            for arm in request.arms
        }
        return EvaluationSucceeded(metrics={}, arms=arms)

    def _result(self, rate: float, hides: float, n: int) -> ArmResult:
        means = {"rate": 4.0 * rate, "hides": hides}
        return ArmResult(metrics={name: Measurement(mean=mean, sem=n**-0.5, n=n) for name, mean in means.items()})


def test_without_looks_a_candidate_that_breaks_its_guardrail_is_rolled_back_after_the_first_stage():
    guarded = CAMPAIGN.model_validate(CAMPAIGN.model_dump() | {"constraints": ["hides <= 1.01 * baseline"]})
    history = run(Job(guarded, Together(WithoutLooks()), QUICK, MemoryLedger(), Path("unused"), rhythm=SLOW))
    assert [len(batch) for batch in history.batches().values()] == [4, 4, 2]
    found = verdict(history)
    assert found.state == "rolled back"
    assert "in its result hides was 9, above the limit 1.01" in str(found)
    assert history.finished is not None
    assert history.finished.reason == "its budget of 12 trials pays for no other batch"
