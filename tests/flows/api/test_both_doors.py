"""The same campaign through both doors: a controller runs it, or a user's own loop drives it through `AskTell`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from running import Running, now
from scripted_campaign import ScriptedEvaluator

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign import (
    Campaign,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationSucceeded,
    History,
    Measurement,
)
from overnight.campaign.errors import AskLater, CampaignStopped
from overnight.campaign.history.events import CampaignRevised, Event, TrialProposed
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.people.approval import approve, reject
from overnight.flows.people.requests import pause, resume
from overnight.flows.people.revising import revise
from overnight.flows.people.trials_by_hand import abandon, suggest
from overnight.flows.session.journal import Decide, Journal
from overnight.storage import Ledger, open_ledger

WHO = "ada@home"
Result = float | str | tuple[float, float]


@dataclass
class Script:
    """The results of evaluations, 1.0 by default, and people's decisions during them and while everything waits."""

    results: Mapping[tuple[int, int], Result] = field(default_factory=dict)
    during: Mapping[tuple[int, int], Decide] = field(default_factory=dict)
    held: list[tuple[Callable[[History], bool], Decide]] = field(default_factory=list)


def a_definition(**changes: Any) -> dict[str, Any]:
    return {
        "name": "doors",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "budget": {"trials": 3},
        "failures": {"back_off": 0},
        **changes,
    }


def outcome_of(result: Result) -> EvaluationOutcome:
    if isinstance(result, str):
        return EvaluationFailed(cause="infrastructure" if result == "lost" else "configuration", message=result)
    loss, cost = result if isinstance(result, tuple) else (result, None)
    return EvaluationSucceeded(metrics={"loss": Measurement(mean=loss)}, cost=cost)


def in_words(event: Event) -> str | None:
    """Return an event of a trial or a person in words; None for the events that only a controller writes."""
    if event.kind in ("campaign_defined", "lease_taken", "campaign_drained", "campaign_finished"):
        return None
    what = event.kind.removeprefix("trial_").removeprefix("attempt_")
    about = [str(value) for name in ("trial", "attempt") if (value := getattr(event, name, None)) is not None]
    parked = ["parked"] if isinstance(event, TrialProposed) and event.parked else []
    return " ".join([what, *about[:1], *(f"#{number}" for number in about[1:] if number != "1"), *parked])


class BothDoors:
    """The tests of a campaign, run through each door."""

    def go_through(self, definition: dict[str, Any], script: Script, ledger: Ledger, folder: Path) -> None:
        raise NotImplementedError

    def story(self, folder: Path, script: Script | None = None, **changes: Any) -> list[str]:
        ledger = open_ledger(str(folder / "ledger"), "doors", Path())
        self.go_through(a_definition(**changes), script or Script(), ledger, folder)
        self.events = asyncio.run(events_of(ledger))
        return [words for event in self.events if (words := in_words(event)) is not None]

    def test_a_budget_of_trials_is_spent_one_after_the_other(self, tmp_path):
        found = self.story(tmp_path, budget={"trials": 2})
        assert found == ["proposed 1", "started 1", "observed 1", "proposed 2", "started 2", "observed 2"]

    def test_everything_that_is_computed_waits_with_approve_always(self, tmp_path):
        held = [
            (awaits(1), decide(approve, 1)),
            (awaits(2), decide(reject, 2)),
            (awaits(3), decide(approve, 3)),
        ]
        found = self.story(tmp_path, Script(held=held), approve="always", budget={"trials": 2})
        assert found == [
            *("proposed 1 parked", "approved 1", "started 1", "observed 1"),
            *("proposed 2 parked", "rejected 2", "proposed 3 parked", "approved 3", "started 3", "observed 3"),
        ]

    def test_with_a_policy_some_wait_and_the_others_go_on(self, tmp_path):
        held = [
            (lambda history: history.awaiting == 2 and not running(history), decide(approve_all)),
            (
                lambda history: history.awaiting == 1 and history.taken == 5 and not running(history),
                decide(approve_all),
            ),
        ]
        found = self.story(
            tmp_path,
            Script(held=held),
            approve={"when": {"change": 0.3}, "most_waiting": 2},
            baseline={"x": 0.0},
            budget={"trials": 5},
        )
        parked = [words.split()[1] for words in found if words.endswith("parked")]
        proposed = {e.trial: e.point["x"] for e in self.events if isinstance(e, TrialProposed)}
        assert parked[:2] == [str(trial) for trial, x in proposed.items() if x > 0.3][:2]
        # An approved trial starts before anything else is proposed.
        approved = found.index(f"approved {parked[0]}")
        assert found[approved + 2] == f"started {parked[0]}"
        assert found[:3] == ["proposed 1", "started 1", "observed 1"]

    def test_a_pause_holds_until_it_is_taken_back(self, tmp_path):
        script = Script(
            during={(2, 1): decide(pause)},
            held=[(lambda history: history.paused is not None and not running(history), decide(resume))],
        )
        assert self.story(tmp_path, script)[4:9] == [
            *("started 2", "campaign_paused", "observed 2", "campaign_resumed", "proposed 3")
        ]

    def test_what_people_gave_comes_first(self, tmp_path):
        script = Script(during={(1, 1): decide(suggest, {"x": 0.75})})
        self.story(
            tmp_path, script, baseline={"x": 0.5}, start_with=[{"x": 0.25}], approve="always", budget={"trials": 3}
        )
        proposed = [event for event in self.events if isinstance(event, TrialProposed)]
        assert [(e.point["x"], e.generator, e.parked) for e in proposed] == [
            *((0.5, "baseline", False), (0.75, "manual", False), (0.25, "manual", False))
        ]

    def test_what_was_lost_is_tried_again_at_once_and_given_up_after_the_most_attempts(self, tmp_path):
        lost = {(1, 1): "lost", (2, 1): "lost", (2, 2): "lost"}
        found = self.story(tmp_path, Script(lost), failures={"back_off": 0, "max_attempts": 2}, budget={"trials": 2})
        assert found == [
            *("proposed 1", "started 1", "failed 1", "started 1 #2", "observed 1 #2"),
            *("proposed 2", "started 2", "failed 2", "started 2 #2", "failed 2 #2", "failed 2 #2"),
        ]

    def test_a_failure_of_the_point_is_not_repeated(self, tmp_path):
        found = self.story(tmp_path, Script({(1, 1): "broken"}), budget={"trials": 2})
        assert found[:4] == ["proposed 1", "started 1", "failed 1", "failed 1"]
        assert found[4:] == ["proposed 2", "started 2", "observed 2"]

    def test_a_budget_of_evaluations_counts_the_repeated_ones(self, tmp_path):
        found = self.story(tmp_path, Script({(1, 1): "lost"}), budget={"trials": 9, "evaluations": 3})
        assert [words for words in found if words.startswith("started")] == ["started 1", "started 1 #2", "started 2"]

    def test_a_budget_of_cost_ends_it(self, tmp_path):
        costly = {(trial, 1): (1.0, 2.0) for trial in range(1, 9)}
        found = self.story(tmp_path, Script(costly), budget={"trials": 9, "cost": 7})
        assert [words for words in found if words.startswith("observed")] == ["observed 1", "observed 2", "observed 3"]

    def test_too_little_to_gain_ends_it(self, tmp_path):
        self.proposer = BayesianProposer(initial=2)
        results = {(1, 1): 1.0, (2, 1): 0.5, (3, 1): 0.25}
        found = self.story(
            tmp_path, Script(results), stop_when={"expected_gain_below": 1e9, "in_a_row": 1}, budget={"trials": 9}
        )
        assert found[-1] == "observed 3"

    def test_a_revision_of_the_bounds_and_the_budget_is_followed(self, tmp_path):
        wider = a_definition(parameters={"x": {"kind": "float", "low": 5, "high": 6}}, budget={"trials": 2})
        found = self.story(tmp_path, Script(during={(1, 1): decide(revised, wider)}))
        assert found[2:] == ["campaign_revised", "observed 1", "proposed 2", "started 2", "observed 2"]
        [second] = [e for e in self.events if isinstance(e, TrialProposed) and e.trial == 2]
        assert 5 <= second.point["x"] <= 6

    def test_what_somebody_abandons_while_it_waits_is_not_started(self, tmp_path):
        script = Script(during={(1, 1): decide(suggest_and_abandon)}, held=[])
        found = self.story(tmp_path, script, budget={"trials": 2})
        assert found[2:5] == ["proposed 2", "abandoned 2", "observed 1"]
        assert "started 2" not in found
        assert found[-1] == "observed 3"

    proposer: Any = SobolProposer()


class TestAController(BothDoors):
    def go_through(self, definition, script, ledger, folder):
        async def evaluate(trial: int, attempt: int) -> EvaluationOutcome:
            if (act := script.during.get((trial, attempt))) is not None:
                await running.append(act)
            return outcome_of(script.results.get((trial, attempt), 1.0))

        async def work() -> None:
            nonlocal running
            campaign = Campaign.model_validate(definition)
            running = Running(campaign, ScriptedEvaluator(evaluate), ledger, self.proposer)
            for so_far, act in script.held:
                await running.until(so_far)
                await running.append(act)
            await running.controller

        running: Any = None
        asyncio.run(asyncio.wait_for(work(), 60))


class TestALoopOfOnesOwn(BothDoors):
    def go_through(self, definition, script, ledger, folder):
        evaluator, proposer = {"kind": "command", "command": ["true"]}, self.proposer.model_dump()
        source = definition | {"ledger": str(folder / "ledger"), "evaluator": evaluator, "proposer": proposer}
        campaign, held = AskTell(source), iter(script.held)
        while True:
            try:
                trial = campaign.ask()
            except AskLater:
                so_far, act = next(held)
                assert so_far(campaign.history)
                append(ledger, act)
            except CampaignStopped:
                assert next(held, None) is None
                return
            else:
                key = trial.id, trial.attempts[-1].number
                if (act := script.during.get(key)) is not None:
                    append(ledger, act)
                give(campaign, trial, script.results.get(key, 1.0))


def give(campaign: AskTell, trial: Any, result: Result) -> None:
    if result == "lost":
        campaign.retry(trial, "its worker is gone")
    elif isinstance(result, str):
        campaign.tell(trial, ValueError(result))
    elif isinstance(result, tuple):
        campaign.tell(trial, result[0], cost=result[1])
    else:
        campaign.tell(trial, result)


def append(ledger: Ledger, act: Decide) -> None:
    async def write() -> None:
        journal = Journal(ledger)
        await journal.refresh()
        await journal.insist(act)

    asyncio.run(write())


def running(history: History) -> bool:
    return any(trial.open_attempt is not None for trial in history.trials.values())


def awaits(trial: int) -> Callable[[History], bool]:
    return lambda history: trial in history.trials and history.trials[trial].parked


def decide(of: Callable[..., Any], *rest: Any) -> Decide:
    """Return a person's decision to do this, as a command would pass it on."""
    return lambda history: of(history, WHO, "", now(), *rest)


def approve_all(history: History, who: str, why: str, when: datetime) -> list[Event]:
    return [e for t in history.trials.open if t.parked for e in approve(history, who, why, when, t.id)]


def revised(history: History, who: str, why: str, when: datetime, definition: dict[str, Any]) -> list[Any]:
    assert history.defined is not None
    campaign, settings = Campaign.model_validate(definition), history.defined.settings
    return [e for e in revise(history, who, why, when, campaign, settings) if isinstance(e, CampaignRevised)]


def suggest_and_abandon(history: History, who: str, why: str, when: datetime) -> list[Event]:
    suggested = suggest(history, who, why, when, {"x": 0.5})
    return [*suggested, *abandon(history.extended(suggested), who, why, when, history.next_trial)]


@pytest.mark.parametrize("changes", [{}, {"baseline": {"x": 0.5}, "start_with": [{"x": 0.1}]}, {"seed": 7}])
def test_both_doors_give_the_same_points_made_in_the_same_way(tmp_path, changes):
    made = []
    for door in (TestAController(), TestALoopOfOnesOwn()):
        door.story(tmp_path / type(door).__name__, budget={"trials": 4}, **changes)
        proposed = [event for event in door.events if isinstance(event, TrialProposed)]
        made.append([(e.point, e.generator, e.provenance and e.provenance.made_by.seed) for e in proposed])
        assert all(e.batch is not None for e in proposed)
    assert made[0] == made[1]
