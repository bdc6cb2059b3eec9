"""A baseline and points to start with that change while a campaign runs, or that the space no longer holds."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from running import now
from scripted_campaign import a_campaign

from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History
from overnight.campaign.errors import InvalidDefinition, Refused
from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.flows.people.revising import revise
from overnight.report.story import story_of
from overnight.storage import open_ledger

XN: dict[str, Any] = {"x": {"kind": "float", "low": 0, "high": 1}, "n": {"kind": "int", "low": 1, "high": 50}}
NARROW: dict[str, Any] = {**XN, "x": {"kind": "float", "low": 0, "high": 0.6}}
FAR: dict[str, Any] = {**XN, "x": {"kind": "float", "low": 0, "high": 0.01}}
QUO: dict[str, Any] = {"x": 0.9, "n": 3}
PROPOSER = BayesianProposer(initial=3, draws=64, restarts=2, raw_points=64)
IGNORING = PROPOSER.model_copy(update={"outside": "ignore"})


def campaign(**changes: Any) -> Campaign:
    return a_campaign(workers=1, noise="none", budget={"trials": 30}, **{"baseline": QUO, **changes})


def tried(events: list[Event], trials: int, proposer: BayesianProposer = PROPOSER) -> list[Event]:
    """Return the events with some more trials, whose points the proposer chose."""
    for _ in range(trials):
        history = History.from_events(events)
        [proposal] = propose(history.definition, history, proposer, 1)
        number, x = history.next_trial, proposal.point["x"]
        metrics = {"loss": Measurement(mean=(x - 0.3) ** 2), "heat": Measurement(mean=10 * x)}
        at: dict[str, Any] = {"time": now(), "actor": "t", "trial": number}
        events = [
            *events,
            TrialProposed(**at, point=proposal.point, generator=proposal.generator, batch=number),
            TrialObserved(**at, attempt=1, metrics=metrics),
        ]
    return events


def begun(definition: Campaign, trials: int) -> list[Event]:
    return tried([CampaignDefined(time=now(), actor="t", uid="u", definition=definition)], trials)


def revised(events: list[Event], definition: Campaign) -> list[Event]:
    return [*events, *revise(History.from_events(events), "ada@home", "", now(), definition, {})]


def test_a_space_may_be_narrowed_past_the_baseline_which_is_still_compared_with_and_never_recommended():
    narrowed = campaign(parameters=NARROW)
    events = tried(revised(begun(campaign(), 6), narrowed), 2)
    history = History.from_events(events)
    assert all(trial.point["x"] <= 0.6 for number, trial in history.trials.items() if number > 6)
    found = recommend(narrowed, history, PROPOSER)
    assert found.trial != 1
    assert found.baseline["loss"].mean == pytest.approx(0.36, abs=0.02)
    assert found.probability_better_than_baseline > 0.9
    baseline = story_of(history, now(), recommendation=found).best.baseline
    assert (baseline.trial, baseline.missing) == (1, None)


@pytest.mark.parametrize("proposer", [PROPOSER, IGNORING], ids=["learn", "ignore"])
@pytest.mark.parametrize("parameters", [NARROW, FAR], ids=["near", "far"])
def test_limits_that_are_relative_to_a_baseline_outside_are_judged_by_its_measurement(parameters, proposer):
    narrowed = campaign(parameters=parameters, constraints=["heat <= 0.5 * baseline"])
    events = tried(revised(begun(campaign(constraints=["heat <= 0.5 * baseline"]), 8), narrowed), 3, proposer)
    history = History.from_events(events)
    assert history.goal.limits("heat")[1] == pytest.approx(4.5)
    found = recommend(narrowed, history, proposer)
    assert found.point["x"] <= 0.45
    assert found.probability_feasible > 0.9


def test_a_revised_baseline_is_measured_next_and_then_judges_all_trials():
    changed = campaign(baseline={"x": 0.5, "n": 3}, constraints=["heat <= 0.5 * baseline"])
    events = revised(begun(campaign(constraints=["heat <= 0.5 * baseline"]), 4), changed)
    assert History.from_events(events).goal.unjudged
    history = History.from_events(tried(events, 1))
    assert (history.trials[5].proposal.generator, history.trials[5].point) == ("baseline", {"x": 0.5, "n": 3})
    assert history.goal.limits("heat")[1] == pytest.approx(2.5)


def test_points_that_are_added_to_start_with_are_tried_next():
    changed = campaign(start_with=[{"x": 0.25, "n": 9}])
    history = History.from_events(tried(revised(begun(campaign(), 5), changed), 1))
    assert (history.trials[6].proposal.generator, history.trials[6].point) == ("manual", {"x": 0.25, "n": 9})


def test_a_baseline_without_an_added_parameter_has_its_past_value():
    with_cache = campaign(parameters={**XN, "cache": {"kind": "int", "low": 0, "high": 9, "was": 0}})
    history = History.from_events(revised(begun(campaign(), 5), with_cache))
    assert with_cache.status_quo == {**QUO, "cache": 0} == history.trials[1].point
    assert history.at_baseline["loss"].mean == pytest.approx(0.36)
    assert propose(with_cache, history, PROPOSER, 1)[0].generator == "model"


def test_a_limit_cannot_be_relative_to_a_baseline_whose_choice_is_gone():
    tools = {**XN, "tool": {"kind": "categorical", "choices": ["saw", "file", "mill"]}}
    fewer = {**XN, "tool": {"kind": "categorical", "choices": ["file", "mill"]}}
    quo = {**QUO, "tool": "saw"}
    limited = {"baseline": quo, "constraints": ["heat <= 0.5 * baseline"]}
    with pytest.raises(Refused, match=r"because `heat <= 0\.5 \* baseline` is relative to it"):
        revised(begun(campaign(parameters=tools, **limited), 2), campaign(parameters=fewer, **limited))
    history = History.from_events(
        revised(begun(campaign(parameters=tools, baseline=quo), 5), campaign(parameters=fewer, baseline=quo))
    )
    found = recommend(history.definition, history, PROPOSER)
    baseline = story_of(history, now(), recommendation=found).best.baseline
    assert found.baseline == {}
    assert baseline.missing.startswith("was measured (0.36), but the model")


def test_the_status_quo_of_an_a_b_test_stays():
    changes: dict[str, Any] = {"kind": "ab_test", "noise": None, "arms": 3, "traffic": {"per_batch": 900}}
    events: list[Event] = [
        CampaignDefined(time=now(), actor="t", uid="u", definition=a_campaign(baseline=QUO, workers=1, **changes))
    ]
    with pytest.raises(Refused, match=r"baseline\.x: was 0\.9, is 0\.5"):
        revised(events, a_campaign(baseline={"x": 0.5, "n": 3}, workers=1, **changes))


def file_with(folder: Path, **changes: Any) -> Path:
    path = folder / "campaign.yaml"
    definition = campaign().model_dump(mode="json", exclude_none=True, exclude={"metrics"}) | changes
    del definition["failures"]
    lines = [f"{key}: {json.dumps(value)}" for key, value in definition.items()]
    path.write_text("\n".join([*lines, 'evaluator: {command: ["true"]}']))
    return path


def test_a_file_is_refused_if_its_baseline_lies_outside_and_was_never_tried(tmp_path: Path):
    path = file_with(tmp_path, parameters=NARROW)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("baseline"))
    expected = rf"campaign\.yaml:{line}: baseline\.x: expected a number between 0 and 0\.6, got 0\.9"
    with pytest.raises(InvalidDefinition, match=expected):
        load_campaign_file(path)
    source = {"ledger": str(tmp_path / "ledger"), "evaluator": {"command": ["true"]}}
    definition = campaign(parameters=NARROW).model_dump(mode="json", exclude_none=True)
    with pytest.raises(InvalidDefinition, match=r"^baseline\.x: expected a number between 0 and 0\.6, got 0\.9"):
        read_campaign({**source, "campaign": definition})


def test_a_file_is_accepted_if_its_baseline_was_tried_before_it_lay_outside(tmp_path: Path):
    path = file_with(tmp_path)
    ledger = open_ledger(load_campaign_file(path).ledger, "test", tmp_path)
    asyncio.run(ledger.append(begun(campaign(), 1), after=0))
    assert load_campaign_file(file_with(tmp_path, parameters=NARROW)).campaign.status_quo == QUO
    with pytest.raises(InvalidDefinition, match=r"start_with\.0\.x: expected a number between 0 and 0\.6, got 0\.8"):
        load_campaign_file(file_with(tmp_path, parameters=NARROW, start_with=[{"x": 0.8, "n": 1}]))
    lacking = {**NARROW, "cache": {"kind": "int", "low": 1, "high": 9}}
    with pytest.raises(InvalidDefinition) as refused:
        load_campaign_file(file_with(tmp_path, parameters=lacking))
    [problem] = refused.value.problems
    assert "baseline.cache: expected a value, got nothing; if `cache` is added to a campaign that has trials" in problem
    added = {**NARROW, "cache": {"kind": "int", "low": 1, "high": 9, "was": 0}}
    assert load_campaign_file(file_with(tmp_path, parameters=added)).campaign.status_quo == {**QUO, "cache": 0}
