"""Points are ready when slots are free: made ahead if that pays, or by a stand-in if the proposer is unavailable."""

import asyncio
from pathlib import Path

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines
from virtual_steps import VirtualSteps

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.errors import CampaignStopped, CannotPropose
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import ProposerUnavailable, Proposing
from overnight.flows.replay.again import replay
from overnight.storage import MemoryLedger


def lasting(seconds: float) -> ScriptedEvaluator:
    async def wait(trial: int, attempt: int) -> float:
        await asyncio.sleep(seconds)
        return float(trial % 5)

    return ScriptedEvaluator(wait)


def run(
    campaign: Campaign,
    steps: VirtualSteps,
    seconds: float = 10.0,
    proposing: Proposing = Proposing(),  # noqa: B008
    proposer: BayesianProposer | SobolProposer | None = None,
    ledger: MemoryLedger | None = None,
    stopped_after: float | None = None,
) -> History:
    proposer = proposer or BayesianProposer(initial=4)
    job = Job(
        campaign,
        lasting(seconds),
        proposer,
        ledger or MemoryLedger(),
        Path("unused"),
        proposing=proposing,
        settings={"proposer": proposer.model_dump(mode="json")},
    )

    async def work() -> History:
        stop = StopRequest()
        if stopped_after is not None:
            asyncio.get_running_loop().call_later(stopped_after, stop.ask)
        return await run_loop(job, steps, VirtualClock(), stop)

    return run_in_virtual_time(work())


def idle_share(history: History, first: int, last: int) -> float:
    """Return the share of the workers' time, from one trial's start to another's, in which they had nothing to do."""
    tried = [trial.attempts[0] for trial in history.trials.values()]
    begin, end = (history.trials[number].attempts[0].started for number in (first, last))
    busy = sum(
        (min(trial.outcome.ended, end) - max(trial.attempts[0].started, begin)).total_seconds()
        for trial in history.trials.values()
        if trial.outcome.ended > begin and trial.attempts[0].started < end
    )
    assert len(tried) == len(history.trials)
    return 1 - busy / ((end - begin).total_seconds() * history.definition.workers)


def unseen(history: History) -> list[int]:
    made = [t.proposal.provenance for t in history.trials.values() if t.proposal.generator == "model"]
    return [provenance.asked.unseen for provenance in made]


@pytest.mark.slow
def test_where_proposals_take_long_they_are_made_ahead_and_no_worker_waits():
    campaign = a_campaign(budget={"trials": 40}, workers=4)
    waiting = run(campaign, VirtualSteps(seconds=2.0), proposing=Proposing(ahead="never"))
    ready = run(campaign, VirtualSteps(seconds=2.0))
    assert idle_share(waiting, 8, 36) > 0.1
    assert idle_share(ready, 12, 36) < 0.01
    assert max(unseen(ready)) >= 1


def test_where_proposals_take_no_time_each_knows_the_newest_result():
    history = run(a_campaign(budget={"trials": 20}, workers=1), VirtualSteps(seconds=0.1))
    observed = [t.proposal.provenance.knew.observed for t in history.trials.values() if t.proposal.generator == "model"]
    assert observed == list(range(4, 20))
    assert set(unseen(history)) == {0}


def test_points_that_wait_for_approval_are_not_made_ahead():
    campaign = a_campaign(budget={"trials": 8}, workers=2, approve="always")
    steps = VirtualSteps(seconds=5.0)

    async def first_moments() -> None:
        job = Job(campaign, lasting(1.0), SobolProposer(), MemoryLedger(), Path("unused"))
        controller = asyncio.create_task(run_loop(job, steps, VirtualClock(), StopRequest()))
        await asyncio.sleep(60)
        controller.cancel()
        await asyncio.gather(controller, return_exceptions=True)

    run_in_virtual_time(first_moments())
    assert [request.q for request in steps.requests] == [2]


def test_the_first_request_is_for_every_worker():
    steps = VirtualSteps()
    run(a_campaign(budget={"trials": 40}, workers=16), steps)
    assert steps.requests[0].q == 16


@pytest.mark.slow
@pytest.mark.parametrize("fallback", ["sobol", "thompson"])
def test_while_the_proposer_is_away_another_stands_in_and_the_ledger_says_so_and_it_replays(fallback):
    ledger = MemoryLedger()
    steps = VirtualSteps(away=lambda asked: 4 <= asked <= 8)
    history = run(a_campaign(budget={"trials": 30}, workers=2), steps, 10.0, Proposing(fallback=fallback), None, ledger)
    made = {n: t.proposal.provenance for n, t in history.trials.items()}
    stood_in = [n for n, provenance in made.items() if provenance.asked.stand_in is not None]
    assert stood_in
    assert {(made[n].asked.stand_in, made[n].asked.away) for n in stood_in} == {(fallback, "the GPU is on holiday")}
    acquisition = "thompson_sampling" if fallback == "thompson" else None
    assert {made[n].chosen.acquisition for n in stood_in} == {acquisition}
    # The proposer is back before the end.
    assert max(stood_in) < 30
    assert made[30].chosen.acquisition == "log_noisy_expected_improvement"
    assert len(history.model_view().observed) == 30
    assert {found.verdict for found in replay(asyncio.run(events_of(ledger)), Path())} == {"same"}
    assert any("the GPU is on holiday" in line for line in status_lines(history))


def test_a_proposer_that_never_comes_back_is_asked_now_and_then_and_the_campaign_ends_without_it():
    steps = VirtualSteps(away=lambda asked: True)
    history = run(a_campaign(budget={"trials": 30}, workers=2), steps)
    assert {t.proposal.generator for t in history.trials.values()} == {"sobol"}
    assert len(history.model_view().observed) == 30
    # In 150 s, with pauses that double from one second up to a minute.
    assert 5 <= len(steps.requests) <= 12
    assert idle_share(history, 1, 29) < 0.01


def test_while_it_is_away_workers_do_not_wait_for_it_a_second_time():
    steps = VirtualSteps(seconds=100.0, away=lambda asked: True)
    history = run(a_campaign(budget={"trials": 30}, workers=2), steps)
    first = history.trials[1].attempts[0].started
    assert (history.last_time - first).total_seconds() == pytest.approx(150, abs=2)


def test_where_nothing_may_stand_in_the_campaign_stops_and_says_why():
    with pytest.raises(Exception, match=r"the GPU is on holiday.*`proposing.fallback: none`"):
        run(a_campaign(), VirtualSteps(away=lambda asked: asked == 3), proposing=Proposing(fallback="none"))


def test_what_would_be_refused_again_is_not_asked_again():
    class Refusing(VirtualSteps):
        async def propose(self, request: ProposalRequest) -> list[Proposal]:
            await super().propose(request)
            raise CannotPropose("nobody can")

    steps = Refusing()
    with pytest.raises(CannotPropose, match="nobody can"):
        run(a_campaign(), steps)
    assert len(steps.requests) == 1


class StoreAway(VirtualSteps):
    """The store does not answer for a while: neither the proposer nor its stand-in can read the ledger."""

    def __init__(self, until: float) -> None:
        super().__init__(away=lambda asked: 5.0 < asyncio.get_running_loop().time() < until)
        self.asked_stand_in = 0

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        if request.stand_in is not None:
            self.asked_stand_in += 1
            if self.away(0):
                raise ProposerUnavailable("no store either")
        return await super().propose(request)


def test_a_store_that_is_away_for_a_moment_ends_no_night():
    history = run(a_campaign(), StoreAway(until=120.0))
    assert len(history.model_view().observed) == 8


def test_where_nothing_proposes_for_long_the_campaign_stops_and_says_what_failed():
    steps = StoreAway(until=float("inf"))
    with pytest.raises(
        CampaignStopped, match=r"no store either.*does not answer \(the GPU is on holiday\), failed as well"
    ):
        run(a_campaign(), steps)
    assert steps.asked_stand_in == 16


def test_an_error_that_is_none_of_ours_is_a_proposer_that_is_away_and_ends_no_night():
    class Shaky(VirtualSteps):
        async def propose(self, request: ProposalRequest) -> list[Proposal]:
            points = await super().propose(request)
            if 3 <= len(self.requests) <= 5 and request.stand_in is None:
                raise RuntimeError("Failed to reach API at http://127.0.0.1:4200/api")
            return points

    history = run(a_campaign(), Shaky())
    assert len(history.model_view().observed) == 8
    away = [t.proposal.provenance.asked.away for t in history.trials.values() if t.proposal.provenance.asked.stand_in]
    assert away == ["RuntimeError: Failed to reach API at http://127.0.0.1:4200/api"] * len(away)
    assert away


def test_a_campaign_whose_points_all_wait_for_approval_waits_as_long_and_spends_no_wall_clock():
    campaign = a_campaign(budget={"trials": 8, "wall_clock": "1h"}, approve="always", baseline={"x": 0.5, "n": 9})
    history = run(campaign, VirtualSteps(), stopped_after=24 * 3600)
    assert history.awaiting == 3
    assert history.closed_by.reason == "asked to stop"
    assert history.closed_by.because == "asked_to_stop"
    assert history.active_seconds == 10


def test_what_was_proposed_beside_points_that_wait_is_replayed():
    ledger = MemoryLedger()
    policy = {"when": {"change": {"x": 0.3}}, "most_waiting": 3}
    campaign = a_campaign(budget={"trials": 30}, approve=policy, baseline={"x": 0.5, "n": 9})
    history = run(campaign, VirtualSteps(), ledger=ledger, stopped_after=3600)
    assert history.awaiting == 3
    assert {trial.proposal.generator for trial in history.trials.values()} == {"baseline", "sobol", "model"}
    assert {found.verdict for found in replay(asyncio.run(events_of(ledger)), Path())} == {"same"}
