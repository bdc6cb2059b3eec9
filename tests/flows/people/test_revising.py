"""Bounds, budget and workers of a campaign may be revised while it runs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from running import Gate, Running, now
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, EvaluationFailed, History
from overnight.campaign.errors import InvalidDefinition, Refused
from overnight.campaign.history.events import CampaignDefined, CampaignRevised, Event, TrialProposed
from overnight.flows.controller.finished import is_over
from overnight.flows.host.clock import SystemClock
from overnight.flows.people.revising import revise
from overnight.flows.people.trials_by_hand import suggest
from overnight.flows.replay.again import replay
from overnight.flows.session.journal import Journal
from overnight.flows.session.opening import open_campaign, why_outdated
from overnight.storage import MemoryLedger

NARROW = {"x": {"kind": "float", "low": 0.4, "high": 0.6}, "n": {"kind": "int", "low": 1, "high": 50}}
WIDE = {"x": {"kind": "float", "low": -5, "high": 5}, "n": {"kind": "int", "low": 1, "high": 90}}


async def revised(first: Campaign, second: Campaign, after: int = 3) -> tuple[History, Running]:
    """Run a campaign that is revised once this number of its trials has ended."""
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
    """A ledger in which the campaign is revised just before its fourth trial would be added."""

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


@pytest.mark.parametrize("outside", ["learn", "ignore"])
async def test_observations_outside_of_new_bounds_are_kept_and_not_recommended(outside):
    changed = a_campaign(parameters=NARROW, workers=1)
    history, _ = await revised(a_campaign(workers=1), changed, after=6)
    beyond = [t for t in history.trials.values() if not 0.4 <= t.point["x"] <= 0.6]
    # A trial more than one range beyond the bounds is too far away to teach the model anything.
    far = [t for t in beyond if not 0.2 <= t.point["x"] <= 0.8]
    assert len(beyond) > len(far) > 0
    assert all(t.status == "observed" for t in beyond)
    proposer = BayesianProposer(initial=2, outside=outside)
    [proposal] = propose(changed, history, proposer, 1)
    assert proposal.generator == "model"
    assert proposal.provenance.knew.observed == len(history.trials) - len(far if outside == "learn" else beyond)
    assert recommend(changed, history, proposer).trial not in {t.id for t in beyond}


async def test_a_revised_constraint_is_recorded_and_changes_what_is_feasible():
    first = a_campaign(workers=1, constraints=["loss <= 1.5"])
    second = a_campaign(workers=1, constraints=["loss <= 0.5", "0.2 <= p99 (ms)"], feasible_at_least=0.8)
    history, running = await revised(first, second)
    assert history.revised.definition == history.definition == second
    assert (history.revised.actor, history.revised.why) == ("ada@home", "too hot")
    assert history.goal == second.goal != first.goal
    values = {trial.id: trial.measured["loss"].mean for trial in history.trials.values()}
    assert {number for number, value in values.items() if first.goal.feasible(history.trials[number].measured)} == {
        number for number, value in values.items() if value <= 1.5
    }
    # No evaluation has measured the metric that the revision limits: also those that had begun before it are noted.
    assert not any(history.goal.feasible(trial.measured) for trial in history.trials.values())
    noted = [number for number, trial in history.trials.items() if trial.outcome.notes]
    assert noted == [4, 5, 6, 7, 8]
    assert "`p99 (ms)`, which a constraint limits" in history.trials[4].outcome.notes[0]
    events = await events_of(running.ledger)
    assert History.from_events(events).goal == second.goal


async def test_a_revised_constraint_may_be_relative_to_the_baseline_that_was_measured():
    baseline = {"x": 0.5, "n": 3}
    second = a_campaign(workers=1, baseline=baseline, constraints=["loss <= 2 * baseline"])
    history, _ = await revised(a_campaign(workers=1, baseline=baseline), second)
    assert history.trials[1].point == baseline
    assert history.goal.limits("loss") == (-math.inf, 2 * history.trials[1].measured["loss"].mean)


async def test_constraints_may_be_taken_back_by_a_revision():
    history, _ = await revised(a_campaign(workers=1, constraints=["p99 <= 15"]), a_campaign(workers=1))
    assert [bool(trial.outcome.notes) for trial in history.trials.values()] == [True] * 3 + [False] * 5
    assert all(history.goal.feasible(trial.measured) for trial in history.trials.values())


def stepped(low: float, high: float, step: float = 0.25) -> Campaign:
    x = {"kind": "float", "low": low, "high": high, "step": step}
    return a_campaign(workers=1, parameters={"x": x, "n": {"kind": "int", "low": 1, "high": 50}})


async def test_bounds_with_a_step_may_move_and_results_on_the_old_steps_that_remain_still_count():
    history, _ = await revised(stepped(0, 1), stepped(-0.5, 2), after=6)
    assert all(float(4 * trial.point["x"]).is_integer() for trial in history.trials.values())
    [proposal] = propose(stepped(-0.5, 2), history, BayesianProposer(initial=2), 1)
    assert proposal.provenance.knew.observed == len(history.trials)


@pytest.mark.parametrize("outside", ["learn", "ignore"])
async def test_results_between_the_new_steps_are_kept_and_not_recommended(outside):
    moved = stepped(0.125, 1.125)
    history, _ = await revised(stepped(0, 1), moved, after=6)
    between = [trial for trial in history.trials.values() if float(4 * trial.point["x"]).is_integer()]
    assert len(between) >= 6
    proposer = BayesianProposer(initial=2, outside=outside)
    [proposal] = propose(moved, history, proposer, 1)
    ignored = len(between) if outside == "ignore" else 0
    assert proposal.provenance.knew.observed == len(history.trials) - ignored
    assert recommend(moved, history, proposer).trial not in {trial.id for trial in between}


def test_a_bound_that_no_step_reaches_and_another_step_are_refused():
    with pytest.raises(ValueError, match=r"such as 1 or 1\.25, got 1\.1"):
        stepped(0, 1.1)
    first = stepped(0, 1)
    history = History.from_events([CampaignDefined(time=now(), actor="test", uid="u", definition=first)])
    with pytest.raises(Refused, match=r"parameters\.x\.step: was 0.25, is 0.5"):
        revise(history, "ada@home", "", now(), stepped(0, 1, 0.5), {})


def several(*objectives: dict[str, Any], **changes: Any) -> Campaign:
    return a_campaign(minimize=None, objectives=objectives, **changes)


def test_worst_values_and_preferences_may_be_revised_but_no_objective():
    first = several({"minimize": "loss", "worst": 9}, {"maximize": "gain"}, prefer=["gain >= 3"])
    history = History.from_events([CampaignDefined(time=now(), actor="test", uid="u", definition=first)])
    second = several({"minimize": "loss"}, {"maximize": "gain", "worst": 1.5}, prefer=["loss <= 2", "gain >= 3"])
    after = history.extended(revise(history, "ada@home", "the ends are dull", now(), second, {}))
    assert after.definition == second
    assert [objective.worst for objective in after.goal.objectives] == [None, 1.5]
    with pytest.raises(Refused, match=r"can begin with the trials of this one: `overnight export"):
        revise(history, "ada@home", "", now(), several({"minimize": "loss"}, {"maximize": "score"}), {})
    for other, words in (
        (several({"minimize": "loss"}, {"maximize": "score"}), 'objectives.1.maximize: was "gain", is "score"'),
        (several({"minimize": "loss"}, {"minimize": "gain"}), "objectives.1.minimize: was absent"),
        (
            several({"minimize": "loss"}, {"maximize": "gain"}, {"minimize": "cost"}),
            "objectives.2.minimize: was absent",
        ),
        (a_campaign(), "objectives.0.minimize: was"),
    ):
        with pytest.raises(Refused, match=words):
            revise(history, "ada@home", "", now(), other, {})


def test_a_refused_revision_names_the_changes_first_and_where_the_keys_that_may_change_are_listed():
    first, second = a_campaign(seed=3, noise="none"), a_campaign(seed=4, noise="infer")
    history = History.from_events([CampaignDefined(time=now(), actor="test", uid="u", definition=first)])
    with pytest.raises(Refused) as refused:
        revise(history, "ada@home", "", now(), second, {})
    assert str(refused.value) == (
        'Campaign `test` cannot be revised in this way:\nnoise: was "none", is "infer"\nseed: was 3, is 4\n'
        "That would be another campaign. Nothing was written: undo it, or give this campaign another `name`. "
        "`overnight revise --help` lists the keys that may change."
    )


async def test_what_would_make_it_another_campaign_is_refused_with_what_was_and_what_is():
    history, _ = await revised(a_campaign(workers=1), a_campaign(workers=2))
    going_on = History(defined=history.defined, revised=history.revised, trials=history.trials)
    other = {"x": {"kind": "float", "low": 0, "high": 1, "unit": "K"}, "n": {"kind": "int", "low": 1, "high": 50}}
    for campaign, words in (
        (a_campaign(seed=1, workers=2), "seed: was 0, is 1"),
        (a_campaign(parameters=other, workers=2), 'parameters.x.unit: was absent, is "K"'),
        (a_campaign(workers=2), "the definition has not changed, so there is nothing to revise"),
    ):
        with pytest.raises(Refused, match=words):
            revise(going_on, "ada@home", "", now(), campaign, {})
    with pytest.raises(Refused, match="a revision cannot change `proposer`"):
        revise(going_on, "ada@home", "", now(), a_campaign(), {"proposer": {"kind": "sobol"}})


async def test_a_run_with_other_bounds_in_its_file_says_how_to_revise_them():
    _, running = await revised(a_campaign(workers=1), a_campaign(workers=2))
    with pytest.raises(InvalidDefinition, match="overnight revise"):
        await open_campaign(Journal(running.ledger), a_campaign(parameters=NARROW), {}, SystemClock())


OLD, NEWER, NEWEST = a_campaign(), a_campaign(workers=2), a_campaign(workers=2, parameters=NARROW)


async def revised_twice() -> MemoryLedger:
    ledger = MemoryLedger()
    journal = Journal(ledger)
    await open_campaign(journal, OLD, {}, SystemClock())
    for definition in (NEWER, NEWEST):
        await journal.insist(lambda history, d=definition: revise(history, "ada@home", "", now(), d, {}))
    return ledger


async def opened(
    ledger: MemoryLedger, campaign: Campaign, settings: dict[str, object], fix: dict[str, Any] | None = None
) -> tuple[History, list[str]]:
    journal, told = Journal(ledger), list[str]()
    await open_campaign(journal, campaign, settings, SystemClock(), told.append, fix or {})
    return journal.history, told


@pytest.mark.parametrize("old", [OLD, NEWER])
async def test_whoever_opens_with_a_file_from_before_a_revision_is_told_and_takes_nothing_back(old):
    history, told = await opened(await revised_twice(), old, {})
    assert history.definition == NEWEST
    assert (history.revised.actor, history.revised.revision) == ("ada@home", 2)
    assert len(told) == 1
    assert "the ledger's revision 2 holds" in told[0]
    assert "overnight revise" in told[0]


async def test_whoever_opens_with_the_newest_file_is_told_nothing_and_a_new_one_is_a_change():
    ledger = await revised_twice()
    assert (await opened(ledger, NEWEST, {}))[1] == []
    history, told = await opened(ledger, a_campaign(workers=3, parameters=NARROW), {})
    assert (history.revised.actor, history.revised.revision, history.definition.workers) == ("user", 3, 3)
    assert told == []
    with pytest.raises(InvalidDefinition, match="overnight revise"):
        await opened(ledger, a_campaign(workers=4), {})


async def test_what_one_run_fixed_is_free_in_the_next_and_may_be_fixed_again():
    ledger, fixed, other = MemoryLedger(), a_campaign(fix={"n": 7}), a_campaign(fix={"n": 9})
    for campaign in (OLD, fixed, OLD, fixed, other, fixed, OLD):
        history, told = await opened(ledger, campaign, {})
        assert (history.definition, told) == (campaign, [])
        assert not is_over(history, other if campaign == fixed else fixed, {})


async def test_what_a_run_fixes_holds_also_after_a_person_revised_an_unchanged_file():
    ledger, fixed = MemoryLedger(), a_campaign(fix={"n": 7})
    await opened(ledger, OLD, {}, {"n": 7})
    journal = Journal(ledger)
    await journal.refresh()
    await journal.insist(lambda history: revise(history, "ada@home", "free it", now(), OLD, {}))
    assert journal.history.definition == OLD
    for _ in range(2):
        history, told = await opened(ledger, OLD, {}, {"n": 7})
        assert (history.definition, told) == (fixed, [])
    assert history.revised.revision == 2
    history, _ = await opened(ledger, OLD, {})
    assert history.definition == OLD


async def test_what_a_run_fixes_is_added_to_a_revision_that_the_file_does_not_know():
    ledger = await revised_twice()
    history, told = await opened(ledger, OLD, {}, {"n": 7})
    assert history.definition == a_campaign(workers=2, parameters=NARROW, fix={"n": 7})
    assert len(told) == 1
    with pytest.raises(InvalidDefinition, match=r"fix\.x: expected a number between 0\.4 and 0\.6, got 0\.9"):
        await opened(ledger, OLD, {}, {"x": 0.9})
    assert not is_over(history, OLD, {}, {"n": 8})


async def test_what_a_person_fixed_stays_fixed_if_an_old_file_is_run():
    ledger, fixed = MemoryLedger(), a_campaign(fix={"n": 7})
    await opened(ledger, OLD, {})
    journal = Journal(ledger)
    await journal.refresh()
    await journal.insist(lambda history: revise(history, "ada@home", "", now(), fixed, {}))
    for settings in ({}, {"proposer": {"kind": "sobol"}}):
        history, told = await opened(ledger, OLD, settings)
        assert history.definition == fixed
        assert len(told) == 1


async def test_other_parts_that_come_with_an_old_file_are_recorded_with_the_newest_definition():
    # This controller runs with these settings, and its proposals are replayed with them.
    settings = {"proposer": {"kind": "sobol"}}
    history, told = await opened(await revised_twice(), OLD, settings)
    assert (history.definition, history.revised.settings) == (NEWEST, settings)
    assert len(told) == 1


async def test_a_run_with_an_old_file_follows_the_revision():
    history = await Running(OLD, ScriptedEvaluator(), await revised_twice()).controller
    assert all(0.4 <= trial.point["x"] <= 0.6 for trial in history.trials.values())
    assert history.definition == NEWEST


async def test_one_goes_back_on_purpose_by_a_revision_also_after_the_end():
    ledger = MemoryLedger()
    await Running(a_campaign(budget={"trials": 4}), ScriptedEvaluator(), ledger).controller
    fewer = a_campaign(budget={"trials": 3})
    over = Running(fewer, ScriptedEvaluator(), ledger)
    history = await over.controller
    assert (history.definition, history.finished is not None) == (fewer, True)
    more = a_campaign(budget={"trials": 4})
    assert is_over(history, more, {})
    assert "revision 1 holds" in why_outdated(history, more)
    more = a_campaign(budget={"trials": 6})
    assert not is_over(history, more, {})
    await over.append(lambda history: revise(history, "ada@home", "", now(), more, {}))
    history = over.elsewhere.history
    assert history.finished is None
    assert not is_over(history, more, {})
    history = await Running(fewer, ScriptedEvaluator(), ledger).controller
    assert (history.started, history.definition) == (6, more)


async def test_what_waits_outside_of_new_bounds_is_never_started_and_what_runs_there_is_left_to_end():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    history = await running.until(lambda history: history.started == 1)
    assert history.trials[1].point["x"] < 0.6
    for x in (0.2, 0.8):
        await running.append(lambda history, x=x: suggest(history, "ada@home", "", now(), {"x": x, "n": 5}))
    narrow = a_campaign(workers=1, parameters=NARROW | {"x": {"kind": "float", "low": 0.6, "high": 0.9}})
    await running.append(lambda history: revise(history, "ada@home", "it smokes", now(), narrow, {}))
    await running.until(lambda history: history.revised is not None)
    gate.open.set()
    history = await running.controller
    assert history.trials[1].status == history.trials[3].status == "observed"
    assert history.trials[2].status == "abandoned"
    assert history.trials[2].outcome.by == "ada@home"
    assert history.trials[2].outcome.why == "it lies outside of the space of revision 1: it smokes"
    assert (2, 1) not in evaluator.evaluated
    assert all(0.6 <= trial.point["x"] <= 0.9 for trial in history.trials.values() if trial.id > 2)


async def test_what_fails_outside_of_new_bounds_is_not_tried_again_there():
    gate = Gate()

    async def dies_once(trial: int, attempt: int) -> object:
        await gate.open.wait()
        return EvaluationFailed(cause="infrastructure", message="the host is gone") if trial == 1 else 1.0

    evaluator = ScriptedEvaluator(dies_once)
    running = Running(a_campaign(workers=1), evaluator)
    history = await running.until(lambda history: history.started == 1)
    first = history.trials[1].point["x"]
    bounds = {"low": 0.0, "high": first - 0.1} if first > 0.5 else {"low": first + 0.1, "high": 1.0}
    elsewhere = a_campaign(workers=1, parameters=NARROW | {"x": {"kind": "float", **bounds}})
    await running.append(lambda history: revise(history, "ada@home", "", now(), elsewhere, {}))
    await running.until(lambda history: history.revised is not None)
    gate.open.set()
    history = await running.controller
    assert [key for key in evaluator.evaluated if key[0] == 1] == [(1, 1)]
    assert history.closed_by.reason == "all 8 trials of the budget have been tried"


@pytest.mark.parametrize("constraint", ["x <= 0.4", "10 * x + n >= 20"])
async def test_a_revised_constraint_between_parameters_holds_from_the_next_proposal_on(constraint):
    changed = a_campaign(workers=1, parameter_constraints=[constraint])
    history, running = await revised(a_campaign(workers=1), changed)
    assert history.definition == changed
    assert all(not changed.space.problems(t.point) for t in history.trials.values() if t.id > 4)
    back, _ = await revised(changed, a_campaign(workers=1))
    assert back.definition == a_campaign(workers=1)
    assert History.from_events(await events_of(running.ledger)).definition == changed


def with_choices(*choices: str, **changes: Any) -> Campaign:
    tool = {"tool": {"kind": "categorical", "choices": choices}}
    return a_campaign(workers=1, parameters=a_campaign().model_dump(mode="json")["parameters"] | tool, **changes)


async def test_choices_may_be_added_and_dropped_and_results_with_a_dropped_one_teach_the_model_nothing():
    first, changed = with_choices("saw", "file"), with_choices("file", "mill", "lathe")
    history, _ = await revised(first, changed, after=5)
    tools = {trial.id: trial.point["tool"] for trial in history.trials.values()}
    assert {tools[i] for i in tools if i <= 5} == {"saw", "file"}
    assert {tools[i] for i in tools if i > 6} <= {"file", "mill", "lathe"}
    for categories in ("hamming", "one_hot"):
        proposer = BayesianProposer(initial=2, categories=categories)
        [proposal] = propose(changed, history, proposer, 1)
        assert proposal.generator == "model"
        assert proposal.provenance.knew.observed == sum(tool != "saw" for tool in tools.values())
        assert recommend(changed, history, proposer).point["tool"] != "saw"


async def test_what_waits_outside_of_a_new_constraint_is_never_started():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=1), evaluator)
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: suggest(history, "ada@home", "", now(), {"x": 0.2, "n": 5}))
    changed = a_campaign(workers=1, parameter_constraints=["x >= 0.3"])
    await running.append(lambda history: revise(history, "ada@home", "", now(), changed, {}))
    await running.until(lambda history: history.revised is not None)
    gate.open.set()
    history = await running.controller
    assert history.trials[2].outcome.why == "it lies outside of the space of revision 1"
    assert (2, 1) not in evaluator.evaluated


def test_a_dropped_parameter_is_refused_with_the_advice_to_keep_it_at_a_value():
    first = a_campaign()
    history = History.from_events([CampaignDefined(time=now(), actor="test", uid="u", definition=first)])
    parameters = first.model_dump(mode="json")["parameters"]
    fewer = a_campaign(parameters={"x": parameters["x"]})
    with pytest.raises(Refused, match=r"Instead of dropping `n`, keep it in the file and write the value") as refused:
        revise(history, "ada@home", "", now(), fewer, {})
    assert "`n: {kind: fixed, value: …}`" in str(refused.value)
    fixed = a_campaign(fix={"n": 7})
    assert history.extended(revise(history, "ada@home", "", now(), fixed, {})).definition == fixed
