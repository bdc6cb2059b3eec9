"""Another run of a campaign that has finished: whether it has work, and what it writes if it has none."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from running import Running, now
from scripted_campaign import ScriptedEvaluator, a_campaign
from told_stories import at

from overnight.campaign import Point
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    CampaignFinished,
    Event,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)
from overnight.flows.api.run import run_campaign
from overnight.flows.controller.finished import is_over
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.people.revising import revise
from overnight.storage import MemoryLedger, open_ledger

CAMPAIGN = a_campaign(budget={"trials": 3})
FIXED = {"n": 7}


@pytest.mark.parametrize(
    "spent",
    [
        {"budget": {"trials": 3}},
        {"budget": {"trials": 9, "evaluations": 3}},
    ],
)
async def test_other_fixed_values_are_no_work_for_a_campaign_whose_budget_is_spent(spent: dict[str, Any]):
    campaign = a_campaign(**spent)
    history = await Running(campaign, ScriptedEvaluator()).controller
    assert is_over(history, campaign, {}, FIXED)
    assert not is_over(history, a_campaign(budget={"trials": 20}), {}, FIXED)
    assert not is_over(history, a_campaign(**spent, workers=2), {}, FIXED), "a run records another definition"


async def test_the_next_run_without_the_values_of_the_last_one_writes_nothing_either():
    fixed = a_campaign(budget={"trials": 3}, fix=FIXED)
    history = await Running(fixed, ScriptedEvaluator()).controller
    assert is_over(history, CAMPAIGN, {})
    assert is_over(history, CAMPAIGN, {}, {"n": 8})


async def test_other_fixed_values_are_work_if_only_the_points_of_the_last_ones_are_spent():
    points = {"x": {"kind": "int", "low": 0, "high": 1}, "n": {"kind": "int", "low": 1, "high": 2}}
    campaign, fixed = (a_campaign(parameters=points, fix=fix, budget={"trials": 9}) for fix in (None, {"n": 1}))
    history = await Running(fixed, ScriptedEvaluator()).controller
    assert history.finished is not None
    assert history.finished.because == "space"
    assert is_over(history, fixed, {})
    assert not is_over(history, campaign, {})
    assert not is_over(history, campaign, {}, {"n": 2})


async def test_a_revision_after_the_end_is_work_whatever_a_run_fixes():
    ledger = MemoryLedger()
    over = Running(CAMPAIGN, ScriptedEvaluator(), ledger)
    await over.controller
    more = a_campaign(budget={"trials": 5})
    await over.append(lambda history: revise(history, "ada@home", "", now(), more, {}))
    assert not is_over(over.elsewhere.history, more, {}, FIXED)


FILE: dict[str, Any] = {
    "name": "told",
    "context": {"load": ["low", "high"]},
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}, "y": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 1},
}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a campaign whose ledger holds its end."""
    monkeypatch.chdir(tmp_path)
    file = read_campaign(FILE)
    point: Point = {"load": "low", "x": 0.5, "y": 0.5}
    by: dict[str, Any] = {"actor": "controller"}
    events: list[Event] = [
        CampaignDefined(time=at(0), actor="user", uid="ab", definition=file.campaign, settings=file.settings()),
        LeaseTaken(time=at(0), epoch=1, host="h", pid=1, started="1", **by),
        TrialProposed(time=at(1), trial=1, point=point, generator="sobol", **by),
        AttemptStarted(time=at(1), trial=1, attempt=1, key="k", **by),
        TrialObserved(time=at(2), trial=1, attempt=1, metrics={"loss": Measurement(mean=1.0)}, seconds=1, **by),
        CampaignFinished(time=at(2), epoch=1, because="trials", reason="all 1 trials have been tried", **by),
    ]
    asyncio.run(open_ledger(file.ledger, "told", Path()).append(events, after=0))
    return FILE


@pytest.mark.parametrize("chosen", [{"fix": {"x": 0.25}}, {"context": {"load": "high"}}])
def test_a_run_that_fixes_values_after_the_end_reports_the_spent_budget_and_writes_nothing(finished, chosen):
    before, heard = asyncio.run(events_of(open_ledger("ledger", "told", Path()))), list[str]()
    for _ in range(2):
        result = run_campaign(finished, notify=heard.append, **chosen)
        assert result.history.finished is not None
    assert asyncio.run(events_of(open_ledger("ledger", "told", Path()))) == before
    said = (
        "Campaign `told` has finished: all 1 trials have been tried. Nothing was tried with the values that this run "
        "should fix, and nothing was written. To try more trials, raise `budget.trials` in CAMPAIGN and run it again."
    )
    assert heard == [said, said]


def test_a_run_with_nothing_to_fix_reports_no_such_thing(finished):
    heard = list[str]()
    run_campaign(finished, notify=heard.append)
    assert heard == []


@pytest.mark.parametrize(("context", "said"), [({"load": "odd"}, "--context load"), ({"lode": "low"}, "`lode`")])
def test_a_context_that_the_campaign_has_not_is_refused_by_a_run(finished, context, said):
    with pytest.raises(InvalidDefinition, match=said):
        run_campaign(finished, context=context)
