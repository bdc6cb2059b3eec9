"""Bounds, budget and workers of a campaign may be revised while it runs."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from read_ledgers import events_of
from running import Gate, Running, now
from test_loop import ScriptedEvaluator, a_campaign

from bo_core import BayesianProposer
from bo_core.propose import propose
from bo_core.recommend import recommend
from campaign import Campaign, History
from campaign.errors import InvalidDefinition, Refused
from campaign.events import CampaignRevised, Event, TrialProposed
from flows.clock import SystemClock
from flows.journal import Journal
from flows.opening import open_campaign
from flows.replay import replay
from flows.revising import revise
from storage import MemoryLedger

NARROW = {"x": {"kind": "float", "low": 0.4, "high": 0.6}, "n": {"kind": "int", "low": 1, "high": 50}}
WIDE = {"x": {"kind": "float", "low": -5, "high": 5}, "n": {"kind": "int", "low": 1, "high": 90}}


async def revised(first: Campaign, second: Campaign, after: int = 3) -> tuple[History, Running]:
    """Run a campaign that is revised when so many of its trials have ended."""
    gate = Gate()

    async def until_revised(trial: int, attempt: int) -> float:
        return await gate.wait(trial, attempt) if trial > after else float(trial % 4)

    running = Running(first, ScriptedEvaluator(until_revised))
    await running.until(lambda history: len(history.model_view().observed) == after)
    await running.append(lambda history: revise(history, "ada@home", "too hot", now(), second, {}))
    await running.until(lambda history: history.revised is not None)
    gate.open.set()
    return await running.controller, running


async def test_the_running_controller_takes_new_bounds_a_new_budget_and_new_workers():
    changed = a_campaign(parameters=NARROW, budget={"trials": 12}, workers=2)
    history, _ = await revised(a_campaign(workers=1), changed)
    since = [t for t in history.trials.values() if t.id > 4]
    assert len(history.trials) == 12
    assert all(0.4 <= t.point["x"] <= 0.6 for t in since)
    assert history.closed_by.reason == "all 12 trials of the budget have been tried"
    assert (history.revised.actor, history.revised.why) == ("ada@home", "too hot")


class RevisedAtTheLastMoment(MemoryLedger):
    """Somebody revises the campaign just before its fourth trial would be added."""

    def __init__(self, to: Campaign) -> None:
        super().__init__()
        self.revision: CampaignRevised | None = CampaignRevised(time=now(), actor="ada", revision=1, definition=to)

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        if self.revision is not None and any(isinstance(e, TrialProposed) and e.trial == 4 for e in events):
            first, self.revision = self.revision, None
            await super().append([first], after=after)
        return await super().append(events, after=after)


async def test_a_point_computed_for_the_old_bounds_is_not_added_once_there_are_new_ones():
    ledger = RevisedAtTheLastMoment(a_campaign(parameters=NARROW, workers=1))
    history = await Running(a_campaign(workers=1), ScriptedEvaluator(), ledger).controller
    assert history.revised is not None
    assert all(0.4 <= trial.point["x"] <= 0.6 for trial in history.trials.values() if trial.id >= 4)


async def test_every_proposal_of_a_revised_campaign_is_made_again():
    history, running = await revised(a_campaign(workers=1), a_campaign(parameters=WIDE, workers=1))
    assert any(not 0 <= t.point["x"] <= 1 for t in history.trials.values())
    events = await events_of(running.ledger)
    settings = {"proposer": {"kind": "sobol"}}
    events = [e.model_copy(update={"settings": settings}) if hasattr(e, "settings") else e for e in events]
    assert {found.verdict for found in replay(events, Path())} == {"same"}


async def test_observations_outside_of_new_bounds_are_kept_and_teach_the_model_nothing():
    changed = a_campaign(parameters=NARROW, workers=1)
    history, _ = await revised(a_campaign(workers=1), changed, after=6)
    outside = [t for t in history.trials.values() if not 0.4 <= t.point["x"] <= 0.6]
    assert outside
    assert all(t.status == "observed" for t in outside)
    proposer = BayesianProposer(initial=2)
    [proposal] = propose(changed, history, proposer, 1)
    assert proposal.generator == "model"
    assert proposal.provenance.observed == len(history.trials) - len(outside)
    assert recommend(changed, history, proposer).trial not in {t.id for t in outside}


async def test_what_would_make_it_another_campaign_is_refused_with_what_was_and_what_is():
    history, _ = await revised(a_campaign(workers=1), a_campaign(workers=2))
    going_on = History(defined=history.defined, revised=history.revised, trials=history.trials)
    other = {"x": {"kind": "float", "low": 0, "high": 1, "unit": "K"}, "n": {"kind": "int", "low": 1, "high": 50}}
    for campaign, words in (
        (a_campaign(seed=1, workers=2), "seed: was 0, is 1"),
        (a_campaign(parameters=other, workers=2), 'parameters.x.unit: was absent, is "K"'),
        (a_campaign(workers=2), "expected a change in its file, found none"),
    ):
        with pytest.raises(Refused, match=words):
            revise(going_on, "ada@home", "", now(), campaign, {})
    with pytest.raises(Refused, match="found `proposer` changed"):
        revise(going_on, "ada@home", "", now(), a_campaign(), {"proposer": {"kind": "sobol"}})
    with pytest.raises(Refused, match="found it finished"):
        revise(history, "ada@home", "", now(), a_campaign(), {})


async def test_a_run_with_other_bounds_in_its_file_says_how_to_revise_them():
    _, running = await revised(a_campaign(workers=1), a_campaign(workers=2))
    with pytest.raises(InvalidDefinition, match="overnight revise"):
        await open_campaign(Journal(running.ledger), a_campaign(parameters=NARROW), {}, SystemClock())
