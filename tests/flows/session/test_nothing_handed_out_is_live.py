"""A campaign's state is not affected when user code changes an object that it has returned or received."""

import asyncio
import copy
import json
import pickle
import sys
from pathlib import Path

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign, run
from spoiling import spoil

from overnight import propose
from overnight.bo_core.custom_proposer import CustomProposer
from overnight.campaign import EvaluationSucceeded, History, Measurement
from overnight.campaign.evaluation import EvaluationReport
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.replay.again import replay
from overnight.storage import MemoryLedger, open_ledger

SPOILER = """
import sys
from spoiling import spoil
from overnight import Proposal

class Spoiler:
    def __init__(self, options):
        self.wide = options.pop("wide")

    def propose(self, campaign, history, q, seed=0):
        points = [{"x": (seed + i) % 97 / 97 * self.wide[0], "y": 0.5, "c": "a"} for i in range(q)]
        found = [Proposal(point=point, generator="custom") for point in points]
        spoil(campaign, history, history.model_view(), points)
        return found
"""


def a_source(folder: Path, **changes) -> dict:
    plain = {
        "name": "own",
        "parameters": {
            "x": {"kind": "float", "low": 0, "high": 1},
            "y": {"kind": "float", "low": 0, "high": 1},
            "c": {"kind": "categorical", "choices": ["a", "b"]},
        },
        "minimize": "loss",
        "metrics": ["size"],
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 20},
        "proposer": {"kind": "bayesian", "initial": 4},
        "baseline": {"x": 0.1, "y": 0.9, "c": "b"},
        "start_with": [{"x": 0.2, "y": 0.2, "c": "a"}],
        "approve": {"when": {"change": {"c": ["a"], "x": 0.95}}},
        "ledger": str(folder / "ledger"),
    }
    return copy.deepcopy(plain | changes)


def a_result(point: dict) -> dict:
    loss = (point["x"] - 0.3) ** 2 + (point["y"] - 0.7) ** 2 + (point["c"] == "b")
    return {"loss": {"mean": loss, "sem": 0.01}, "size": [point["x"], None]}


def steps_of(source: dict, steps: int, spoils: bool = False) -> tuple[list, object, list]:
    """Return the view of a user's own loop: every trial's point and result, the recommendation, and the next point."""
    campaign = AskTell(source)
    given = [source]
    for step in range(steps):
        if spoils and step:
            assert spoil(*given, campaign.file, campaign.history, campaign.history.model_view()) > 9
        trial = campaign.ask()
        result = a_result(trial.point)
        campaign.report(trial, 1, result)
        campaign.tell(trial, result)
        given = [trial, result, trial.point, trial.proposal.point]
    if spoils:
        spoil(*given, campaign.recommend(), campaign.history)
    history = campaign.history
    [following] = propose(history.definition, history, campaign.file.proposer, 1)
    return [(t.point, t.outcome.metrics) for t in history.trials.values()], campaign.recommend(), [following.point]


async def test_who_changes_whatever_he_reaches_gets_the_same_campaign_as_who_changes_nothing(tmp_path):
    never = {"approve": "never"}
    left_alone = await asyncio.to_thread(steps_of, a_source(tmp_path / "left-alone", **never), 5)
    assert await asyncio.to_thread(steps_of, a_source(tmp_path / "spoilt", **never), 5, True) == left_alone
    # The spoilt campaign replays to the same bits, too.
    events = await events_of(open_ledger(str(tmp_path / "spoilt" / "ledger"), "own", Path()))
    assert {(each.verdict, each.why) for each in replay(events, tmp_path)} == {("same", "")}


@pytest.mark.parametrize("of", ["definition", "settings"])
def test_a_policy_and_settings_cannot_be_changed_behind_the_campaigns_back(tmp_path, of):
    source = a_source(tmp_path)
    campaign, twin = AskTell(source), read_campaign(a_source(tmp_path))
    campaign.ask()
    spoil(source, campaign.file, campaign.history)
    held = campaign.history.defined
    assert getattr(held, of) == {"definition": twin.campaign, "settings": twin.settings()}[of]
    assert campaign.file == twin


def test_a_custom_proposer_that_takes_apart_what_it_is_given_harms_nobody(tmp_path):
    (tmp_path / "spoiler_for_tests.py").write_text(SPOILER)
    settings = {"options": {"wide": [0.5]}}
    proposer = CustomProposer(implementation="spoiler_for_tests:Spoiler", settings=settings, folder=tmp_path)
    spoil(settings)
    file = read_campaign(a_source(tmp_path, approve="never")).model_copy(update={"proposer": proposer})
    campaign = AskTell(file)
    try:
        for _ in range(5):
            trial = campaign.ask()
            campaign.tell(trial, a_result(trial.point))
    finally:
        sys.modules.pop("spoiler_for_tests", None)
    trials = campaign.history.trials.values()
    assert [t.proposal.generator for t in trials] == ["baseline", "manual", "custom", "custom", "custom"]
    assert all(0 <= t.point["x"] <= 1 for t in trials)
    assert AskTell(file).history.trials.values() is not trials
    assert [t.point for t in AskTell(file).history.trials.values()] == [t.point for t in trials]


def pops(params):
    return params.pop("x") + params.pop("y") + (params.pop("c") == "b")


def scales(params):
    loss = params["x"] + params["y"]
    params["x"] *= 1000
    return loss


def adds(params):
    params["epochs"] = 5
    return params["x"] - params["y"]


@pytest.mark.parametrize("evaluate", [pops, scales, adds])
def test_an_objective_that_changes_its_point_is_asked_for_points_of_the_space(tmp_path, evaluate):
    campaign = AskTell(a_source(tmp_path, approve="never", metrics=[], proposer={"kind": "bayesian", "initial": 8}))
    points = []
    for _ in range(8):
        trial = campaign.ask()
        points.append(trial.point)
        campaign.tell(trial, evaluate(trial.point))
    assert len({json.dumps(point) for point in points}) == 8
    assert [t.point for t in campaign.history.trials.values()] == points
    assert all(campaign.file.campaign.space.point(point) == point for point in points)
    campaign.file.campaign.space.point(campaign.recommend().point)


def test_a_point_is_a_plain_dict_of_ones_own(tmp_path):
    trial = AskTell(a_source(tmp_path, approve="never")).ask()
    assert type(trial.point) is dict
    assert trial.point == {"x": 0.1, "y": 0.9, "c": "b"} == dict(**trial.point)
    assert trial.point | {"c": "a"} == {"x": 0.1, "y": 0.9, "c": "a"}
    for of_it in (
        json.loads(json.dumps(trial.point)),
        pickle.loads(pickle.dumps(trial)).point,
        copy.deepcopy(trial.point),
    ):
        assert of_it == trial.point


def test_metrics_and_provenance_read_like_dicts_and_refuse_changes(tmp_path):
    campaign = AskTell(a_source(tmp_path, approve="never"))
    for _ in range(3):
        trial = campaign.ask()
        campaign.tell(trial, a_result(trial.point))
    made, metrics = trial.proposal.provenance, campaign.history.trials[3].outcome.metrics
    assert isinstance(metrics, dict)
    assert {**metrics} == copy.deepcopy(metrics) == pickle.loads(pickle.dumps(metrics))
    assert json.loads(json.dumps(made.stack.libraries)) == made.stack.libraries
    for change in (metrics.clear, made.stack.libraries.popitem, lambda: campaign.history.defined.settings.update(a=1)):
        with pytest.raises(TypeError, match="cannot be changed; take a copy"):
            change()
    own = copy.deepcopy(campaign.history.defined.settings)
    own["evaluator"]["command"].append("--fast")
    assert campaign.history.defined.settings["evaluator"]["command"] == ["true"]


class Spoiling(ScriptedEvaluator):
    """Spoils each request, and the outcome that it returns for it."""

    async def evaluate(self, request, folder, report):
        outcome = EvaluationSucceeded(metrics={"loss": Measurement(mean=request.parameters["x"])})
        spoil(request, request.parameters, outcome)
        report(EvaluationReport(step=1, metrics=outcome.metrics))
        return outcome


async def test_a_controller_is_not_harmed_by_its_evaluator_by_who_watches_or_by_a_reader():
    ledgers = MemoryLedger(), MemoryLedger()
    plain = ScriptedEvaluator(lambda trial, attempt: EvaluationSucceeded(metrics={"loss": Measurement(mean=0.5)}))
    left_alone = await run(a_campaign(workers=1), plain, ledgers[0])
    spoilt = await run(a_campaign(workers=1), Spoiling(), ledgers[1], watch=spoil)
    spoil(*await events_of(ledgers[1]))
    read = History.from_events(await events_of(ledgers[1]))
    points = [trial.point for trial in left_alone.trials.values()]
    assert [t.point for t in spoilt.trials.values()] == [t.point for t in read.trials.values()] == points
    assert [t.outcome.metrics["loss"].mean for t in read.trials.values()] == [point["x"] for point in points]
