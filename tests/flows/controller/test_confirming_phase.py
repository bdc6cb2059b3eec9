"""The last trials of a campaign confirm, one after the other, through a controller and through `AskTell`."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from provenances import altered
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines, story_about
from typer.testing import CliRunner
from virtual_nights import HOUR, LongEvaluator, NightClock, nights
from virtual_steps import VirtualSteps

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer
from overnight.campaign import Campaign, EvaluationSucceeded, History, Measurement, Trial
from overnight.campaign.errors import AskLater, BudgetSpent, InvalidDefinition
from overnight.campaign.evaluation import EvaluationReport
from overnight.campaign.history.events import CampaignPaused, Event, TrialProposed, TrialStopped
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.host.stop import StopRequest
from overnight.flows.people.approval import approve, reject
from overnight.flows.proposing.settings import Proposing
from overnight.flows.replay.again import replay
from overnight.flows.rules.allowance import Allowance
from overnight.flows.session.journal import Journal
from overnight.storage import MemoryLedger

PROPOSER = BayesianProposer(initial=4, restarts=2, raw_points=64, draws=32)
SETTINGS = {"proposer": PROPOSER.model_dump(mode="json")}


class Lasting(ScriptedEvaluator):
    """Takes another time for each trial and measures a bowl; `reports` are made on the way."""

    def __init__(self, reports: Sequence[float] = (), outcome: Any = None) -> None:
        super().__init__(outcome or (lambda trial, attempt: None))
        self.reports = reports

    async def evaluate(self, request, folder, report):
        self.evaluated.append((request.trial, request.attempt))
        for step, loss in enumerate(self.reports, start=1):
            await asyncio.sleep(1)
            report(EvaluationReport(step=step, metrics={"loss": Measurement(mean=loss * request.trial)}))
        await asyncio.sleep(10 + request.seed % 50)
        loss = (request.parameters["x"] - 0.3) ** 2 + (request.seed % 7) / 100
        return self.outcome(request.trial, request.attempt) or EvaluationSucceeded(
            metrics={"loss": Measurement(mean=loss)}
        )


def run(
    campaign: Campaign, evaluator: ScriptedEvaluator, ledger: MemoryLedger, steps: Any = None, **of: Any
) -> History:
    job = Job(campaign, evaluator, PROPOSER, ledger, Path("unused"), settings=SETTINGS, **of)
    return run_in_virtual_time(run_loop(job, steps or VirtualSteps(), VirtualClock(), StopRequest()))


def generators(history: History) -> list[str]:
    return [trial.proposal.generator for _, trial in sorted(history.trials.items())]


def times(trial: Trial) -> tuple[datetime, datetime]:
    assert trial.outcome is not None
    return trial.attempts[0].started, trial.outcome.ended


def test_they_start_once_all_others_have_ended_and_each_after_the_one_before():
    campaign = a_campaign(budget={"trials": 12}, confirm=3)
    history = run(campaign, Lasting(), MemoryLedger())
    assert generators(history) == ["sobol"] * 4 + ["model"] * 5 + ["confirming"] * 3
    spans = {number: times(trial) for number, trial in history.trials.items()}
    for confirming in (10, 11, 12):
        assert all(spans[earlier][1] <= spans[confirming][0] for earlier in range(1, confirming))
    assert history.closed_by is not None
    assert history.closed_by.reason == "all 12 trials of the budget have been tried"


def test_points_are_proposed_ahead_for_the_search_only():
    campaign = a_campaign(budget={"trials": 12}, confirm=3)
    steps = VirtualSteps(seconds=30.0)
    history = run(campaign, Lasting(), MemoryLedger(), steps, proposing=Proposing(ahead="always"))
    assert generators(history).count("confirming") == 3
    for request in steps.requests:
        pending = [trial for trial in request.history.trials.open if trial.pending]
        if request.history.taken >= 9:
            assert (request.q, pending) == (1, [])


@pytest.mark.slow
def test_proposals_of_the_phase_are_replayed_to_the_last_bit_and_appraised_on_another_stack():
    ledger = MemoryLedger()
    run(a_campaign(budget={"trials": 12}, confirm=3, workers=2), Lasting(), ledger)
    events = asyncio.run(events_of(ledger))
    assert {found.verdict for found in replay(events, Path())} == {"same"}

    def foreign(event: Event) -> Event:
        if not isinstance(event, TrialProposed) or event.provenance is None or event.generator != "confirming":
            return event
        [loss] = event.provenance.predicted.values()
        changes = {"stack.libraries": {"torch": "1.0"}, "predicted.loss.mean": loss.mean * (1 + 1e-9)}
        return event.model_copy(update={"provenance": altered(event.provenance, changes)})

    elsewhere = {found.trial: found for found in replay([*map(foreign, events)], Path()) if found.trial > 9}
    assert {found.verdict for found in elsewhere.values()} == {"other stack"}, elsewhere


def test_a_confirming_trial_that_is_lost_is_tried_again_and_a_failed_one_is_followed_by_another_point():
    def outcome(trial: int, attempt: int) -> object:
        if (trial, attempt) == (10, 1):
            raise ConnectionError("the host is gone")
        if trial == 11:
            raise ValueError("it does not work here")
        return None

    history = run(a_campaign(budget={"trials": 12}, confirm=3), Lasting(outcome=outcome), MemoryLedger())
    assert (len(history.trials[10].attempts), history.trials[10].status) == (2, "observed")
    assert history.trials[11].status == "failed"
    assert history.trials[12].point != history.trials[11].point
    assert generators(history)[9:] == ["confirming"] * 3


def test_no_rule_stops_a_confirming_trial():
    ledger = MemoryLedger()
    campaign = a_campaign(budget={"trials": 14}, confirm=3, stop_early={"rule": "median", "after_trials": 3})
    # The later the trial, the worse its reports.
    history = run(campaign, Lasting(reports=[1.0, 1.0, 1.0]), ledger)
    stopped = {event.trial for event in asyncio.run(events_of(ledger)) if isinstance(event, TrialStopped)}
    assert stopped
    assert max(stopped) <= 11
    assert [history.trials[n].status for n in (12, 13, 14)] == ["observed"] * 3


def test_if_the_proposer_does_not_answer_its_stand_in_uses_the_reserve():
    steps = VirtualSteps(away=lambda asked: asked > 4)
    history = run(a_campaign(budget={"trials": 12}, confirm=3, workers=1), Lasting(), MemoryLedger(), steps)
    assert history.finished is not None
    assert set(generators(history)[9:]) == {"sobol"}


def test_when_little_is_left_to_gain_the_reserve_is_confirmed_and_then_the_campaign_ends():
    campaign = a_campaign(budget={"trials": 40}, confirm=2, stop_when={"expected_gain_below": 1e9, "in_a_row": 1})
    history = run(campaign, Lasting(), MemoryLedger())
    assert generators(history)[-2:] == ["confirming"] * 2
    assert generators(history).count("confirming") == 2
    assert len(history.trials) < 20
    assert history.finished is not None
    assert history.finished.because == "gain"


class _Modelled:
    """Steps that ask the proposer with a model."""

    async def evaluate(self, execution):
        return await execution.run()

    async def propose(self, request):
        return await VirtualSteps().propose(
            type(request)(PROPOSER, request.history, request.events_seen, request.q, request.stand_in)
        )


def test_the_phase_goes_on_in_the_next_night():
    window = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "running": "finish"}
    campaign = a_campaign(budget={"trials": 8}, confirm=3, workers=5, window=window)
    clock, ledger = NightClock(), MemoryLedger()
    evaluator = LongEvaluator(lambda trial: 3.0, clock, time_limit=4 * HOUR)
    mornings = run_in_virtual_time(nights(campaign, evaluator, clock, ledger, 5, steps=_Modelled()))
    assert len(mornings) >= 2
    assert generators(mornings[-1])[5:] == ["confirming"] * 3
    assert mornings[-1].finished is not None
    confirmed = [evaluator.at_work[n, 1] for n in (6, 7, 8)]
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(confirmed))
    for began, ended in confirmed:
        assert campaign.window is not None
        assert campaign.window.is_open(began)
        assert ended - began == 3 * HOUR


def test_a_window_that_stops_it_lets_the_same_trial_confirm_in_the_next_night():
    window = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "running": "stop"}
    campaign = a_campaign(budget={"trials": 6}, confirm=2, workers=4, window=window)
    clock, ledger = NightClock(), MemoryLedger()
    # The last attempt of the first night begins at 3:00 and is expected to end in time, but takes all night.
    evaluator = LongEvaluator(lambda trial: 5.0, clock, time_limit=2 * HOUR)
    mornings = run_in_virtual_time(nights(campaign, evaluator, clock, ledger, 5, steps=_Modelled()))
    assert generators(mornings[0])[4:] == ["confirming"]
    assert generators(mornings[-1])[4:] == ["confirming"] * 2
    [stopped, again] = mornings[-1].trials[5].attempts
    assert stopped.failed is not None
    assert (stopped.failed.cause, stopped.failed.will_retry) == ("cancelled", True)
    assert again.failed is None
    assert mornings[-1].finished is not None


def decided_by_ada(decide: Callable[..., Any], clock: VirtualClock, trial: int, history: History) -> Any:
    """Return the events with which a person approves or rejects a trial."""
    return decide(history, "ada", "so", clock.now(), trial)


def test_under_a_policy_a_controller_waits_for_the_decision_on_each_of_them():
    policy = {"when": {"predicted": {"worse_than": -9.0}}}
    campaign = a_campaign(budget={"trials": 8}, confirm=2, workers=2, approve=policy)
    ledger, clock = MemoryLedger(), VirtualClock()
    decided: list[tuple[int, str, int]] = []

    async def person() -> None:
        """Reject the first confirming trial that waits, and approve every other trial, an hour later."""
        journal = Journal(ledger)
        while True:
            await clock.sleep(3600)
            await journal.refresh()
            for trial in [trial for trial in journal.history.trials.open if trial.parked]:
                waiting, generator = journal.history.awaiting, trial.proposal.generator
                first = generator == "confirming" and (generator not in [made for _, made, _ in decided])
                decide = reject if first else approve
                decided.append((trial.id, generator, waiting))
                await journal.insist(partial(decided_by_ada, decide, clock, trial.id))

    async def both() -> History:
        job = Job(campaign, Lasting(), PROPOSER, ledger, Path("unused"), settings=SETTINGS)
        deciding = asyncio.create_task(person())
        try:
            return await run_loop(job, VirtualSteps(), clock, StopRequest())
        finally:
            deciding.cancel()

    history = run_in_virtual_time(both())
    last = [(trial.proposal.generator, trial.status) for _, trial in sorted(history.trials.items())][-3:]
    assert last == [("confirming", "rejected"), ("confirming", "observed"), ("confirming", "observed")]
    assert [waiting for _, generator, waiting in decided if generator == "confirming"] == [1, 1, 1]
    assert history.finished is not None


def test_a_budget_that_ends_first_says_how_few_have_confirmed():
    campaign = a_campaign(budget={"trials": 12, "wall_clock": "200s"}, confirm=6, workers=3)
    history = run(campaign, Lasting(), MemoryLedger())
    assert history.finished is not None
    made = generators(history).count("confirming")
    assert 0 < made < 6
    assert f"confirming: only {made} of 6 trials, before the end came" in status_lines(history)


def test_a_pause_and_a_closed_window_hold_it_and_its_time_is_that_of_a_sequence():
    ledger = MemoryLedger()
    run(a_campaign(budget={"trials": 12}, confirm=3), Lasting(), ledger)
    events = asyncio.run(events_of(ledger))
    began = next(i for i, e in enumerate(events) if isinstance(e, TrialProposed) and e.generator == "confirming")
    history, now = History.from_events(events[:began]), datetime(2000, 1, 2, tzinfo=UTC)
    at_rest: dict[str, Any] = {"now": now, "in_flight": frozenset(), "running": 0, "willing": True, "exhausted": False}
    assert Allowance(history, in_window=True, **at_rest).unproposed == 1
    assert Allowance(history, in_window=False, **at_rest).unproposed == 0
    [line] = [line for line in status_lines(history) if line.startswith("confirming: ")]
    assert line == "confirming: 3 trials left, one after the other, each at the best point by then"
    spent = story_about(history).spent
    assert spent.seconds_per_trial is not None
    assert spent.seconds_left == pytest.approx(3 * spent.seconds_per_trial)
    paused = history.extended([CampaignPaused(time=now, actor="ada", request=1, why="")])
    assert Allowance(paused, in_window=True, **at_rest).unproposed == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    definition = {
        "name": "own-loop",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 8},
        "confirm": 2,
        "proposer": SETTINGS["proposer"],
        "ledger": str(tmp_path / "ledger"),
    }
    path.write_text(json.dumps(definition))
    return path


def test_a_loop_of_ones_own_is_asked_to_wait_between_them(file):
    campaign = AskTell(file)
    open_trials = [campaign.ask() for _ in range(2)]
    for _ in range(4):
        campaign.tell(open_trials.pop(0), 1.0)
        open_trials.append(campaign.ask())
    for trial in open_trials:
        with pytest.raises(AskLater, match="its last trials confirm one after the other"):
            campaign.ask()
        campaign.tell(trial, 0.5)
    seventh = campaign.ask()
    assert seventh.proposal.generator == "confirming"
    with pytest.raises(AskLater):
        campaign.ask()
    campaign.tell(seventh, 0.4)
    eighth = campaign.ask()
    assert eighth.proposal.generator == "confirming"
    campaign.tell(eighth, 0.4)
    with pytest.raises(BudgetSpent):
        campaign.ask()
    said = CliRunner().invoke(app, ["explain", "7", str(file)], catch_exceptions=False).output
    assert "It confirms: one of the last trials, each of which measures the point" in said
    assert "This point had not been measured before." in said or "This point had been measured by trial" in said


def refusal(file: Path, **changes: Any) -> str:
    definition = json.loads(file.read_text()) | changes

    async def check() -> None:
        await read_campaign(definition).check()

    with pytest.raises(InvalidDefinition) as problem:
        asyncio.run(check())
    return str(problem.value)


def test_a_file_in_which_it_makes_no_sense_is_refused(file):
    assert "confirm: expected at most 6, because `budget.trials` is 8 and 2 trials come first" in refusal(
        file, confirm=8
    )
    assert "confirm: " in refusal(file, confirm="sometimes")
    assert "confirm: " in refusal(file, confirm=0)
    without = refusal(file, proposer={"kind": "sobol"})
    assert "confirm: expected `never` or `auto` with `proposer.kind: sobol`" in without
