"""A user's own loop over several contexts: it asks for one or takes turns, and everything can be computed again."""

import asyncio
from pathlib import Path

import pytest
from asked_campaign import revised

from overnight.campaign.errors import CampaignStopped, InvalidDefinition, Refused
from overnight.campaign.history.events import RecommendationMade, TrialProposed
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.replay.again import replay
from overnight.flows.replay.recommended import replay_recommendations
from overnight.storage import open_ledger

BEST = {"oltp": 0.3, "olap": 0.4}


@pytest.fixture
def source(tmp_path: Path):
    return {
        "name": "in-contexts",
        "context": {"workload": ["oltp", "olap"]},
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "seconds",
        "noise": "none",
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 12},
        "confirm": "never",
        "ledger": str(tmp_path / "ledger"),
        "work": str(tmp_path / "work"),
    }


def seconds(trial) -> float:
    workload = trial.point["workload"]
    return (50.0 if workload == "olap" else 1.0) * (1.0 + (trial.point["x"] - BEST[workload]) ** 2)


def events(source):
    segments = asyncio.run(open_ledger(source["ledger"], source["name"], Path()).read())
    return [event for segment in segments for event in segment.events]


def test_a_loop_takes_turns_unless_it_asks_for_a_context_and_all_of_it_replays(source):
    campaign = AskTell(source)
    asked = [None, None, {"workload": "olap"}, {"workload": "olap"}, {"workload": "olap"}]
    for context in [*asked, *[None] * 7]:
        trial = campaign.ask(context)
        campaign.tell(trial, seconds(trial))
    workloads = [trial.point["workload"] for trial in campaign.history.trials.values()]
    # Those that were asked for count, so that the other context catches up.
    assert workloads == [*["oltp", "olap", "olap", "olap", "olap"], *["oltp"] * 3, *["oltp", "olap"] * 2]
    with pytest.raises(CampaignStopped):
        campaign.ask()
    found = campaign.recommend()
    assert found is not None
    for workload, best in BEST.items():
        here = found.in_context(workload=workload)
        assert here is not None
        assert abs(float(here.point["x"]) - best) < 0.05
    ledger = events(source)
    assert {each.verdict for each in replay(ledger, Path())} == {"same"}
    made = [event for event in ledger if isinstance(event, RecommendationMade)]
    assert [len(event.recommendation.contexts) for event in made] == [2]
    assert [each.found.verdict for each in replay_recommendations(ledger, Path())] == ["same"]
    made_by = [event.provenance for event in ledger if isinstance(event, TrialProposed)]
    recorded = [each and each.asked.context for each in made_by]
    assert recorded == [*asked, *[None] * 7]


def test_a_trial_that_waits_in_another_context_is_left_to_its_turn(source):
    campaign = AskTell(source)
    lost = campaign.ask({"workload": "oltp"})
    campaign.retry(lost, "the machine went away")
    assert campaign.ask({"workload": "olap"}).point["workload"] == "olap"
    assert campaign.ask({"workload": "oltp"}).id == lost.id


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"workload": "batch"}, "context: expected one of 'oltp', 'olap', got"),
        ({"load": "oltp"}, "context: expected values of workload, got `load`"),
    ],
)
def test_a_context_that_the_campaign_has_not_is_refused_and_nothing_is_asked(source, context, why):
    campaign = AskTell(source)
    with pytest.raises(Refused, match=why):
        campaign.ask(context)
    assert not campaign.history.trials


def test_a_campaign_without_contexts_has_none_to_ask_for(source):
    del source["context"]
    with pytest.raises(Refused, match="expected none, because the campaign has no `context`"):
        AskTell(source).ask({"workload": "oltp"})


@pytest.mark.parametrize("wrong", ["x", "load", "", 3, 0, ["load"], [], True])
@pytest.mark.parametrize("contexts", [{"load": ["a", "b"]}, None])
def test_an_argument_of_ask_that_is_no_mapping_is_named_and_nothing_is_written(source, contexts, wrong, tmp_path):
    told = {key: value for key, value in source.items() if key != "context"} | {"ledger": str(tmp_path / "untouched")}
    loop = AskTell(told | ({"context": contexts} if contexts else {}))
    with pytest.raises(Refused, match=r"^ask: expected no argument, .* or a mapping with the context") as refused:
        loop.ask(wrong)
    assert f"found {type(wrong).__name__} {wrong!r}. Nothing was written." in str(refused.value)
    assert not (tmp_path / "untouched").exists()


def test_what_a_campaign_without_contexts_records_does_not_mention_them(source):
    del source["context"]
    campaign = AskTell(source)
    campaign.tell(campaign.ask(), 1.0)
    texts = [event.model_dump_json() for event in events(source)]
    assert not any('"context' in text for text in texts)


def test_a_baseline_outside_of_a_revised_space_is_allowed_if_it_was_tried_in_all_contexts(source):
    source |= {"baseline": {"x": 0.9}, "proposer": {"kind": "bayesian", "initial": 4}}
    narrow = {"parameters": {"x": {"kind": "float", "low": 0, "high": 0.6}}}
    campaign = AskTell(source)
    campaign.tell(first := campaign.ask(), seconds(first))
    with pytest.raises(InvalidDefinition) as refused:
        AskTell(source | narrow)
    assert refused.value.problems == ["baseline.x: expected a number between 0 and 0.6, got 0.9"]
    campaign.tell(second := campaign.ask(), seconds(second))
    revised(source, **narrow)
    assert float(AskTell(source | narrow).ask().point["x"]) <= 0.6
    with pytest.raises(InvalidDefinition):
        AskTell(source | narrow | {"context": {"workload": ["oltp", "olap", "batch"]}})


def test_a_baseline_that_no_context_can_model_any_more_is_refused_if_a_limit_is_relative_to_it(source):
    source["parameters"]["mode"] = {"kind": "categorical", "choices": ["a", "b", "c"]}
    source |= {"baseline": {"x": 0.9, "mode": "c"}, "constraints": ["watts <= 1.1 * baseline"]}
    campaign = AskTell(source)
    for _ in range(2):
        campaign.tell(trial := campaign.ask(), {"seconds": seconds(trial), "watts": 1})
    fewer = {**source["parameters"], "mode": {"kind": "categorical", "choices": ["a", "b"]}}
    with pytest.raises(Refused, match="baseline: expected a point of which the model of the new space can know"):
        revised(source, parameters=fewer)
