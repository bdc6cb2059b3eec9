"""Proposals with one length scale for each category, and with one for each choice."""

import pytest
from told_campaigns import (
    MIXED,
    MODEL,
    add,
    attempt,
    campaign_of,
    cube,
    defined,
    failed,
    observed,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, CategoryDistance, recorded_proposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Point
from overnight.campaign.history.events import Event
from overnight.campaign.history.provenance import FittedModel

HAMMING = MODEL.model_copy(update={"categories": "hamming"})
ONE_HOT = MODEL.model_copy(update={"categories": "one_hot"})
PARAMETERS = sum(parameter["kind"] != "fixed" for parameter in MIXED.values())
# A category has an indicator for each choice.
FEATURES = PARAMETERS - 1 + len(MIXED["method"]["choices"])


def loss(point: Point) -> float:
    return float(point["share"]) ** 2 + 0.3 * (point["method"] == "sgd") + 0.1 * float(point["depth"])


def history_for(campaign: Campaign, count: int = 14) -> History:
    """Return observations with costs, the first of them far worse than the others, and a failure."""
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, count), start=1):
        mean = 1e4 if i == 1 else loss(point)
        events += [proposed(i, point), attempt(i), observed(i, mean, cost=1.0 + float(point["depth"]))]
    return History.from_events([*events, proposed(count + 1, some_points(campaign, 1, seed=1)[0]), failed(count + 1)])


def length_scales(model: FittedModel | None) -> int:
    assert model is not None
    return len(model.hyperparameters["log_length_scales"])


@pytest.mark.parametrize(("proposer", "count"), [(HAMMING, PARAMETERS), (ONE_HOT, FEATURES)])
def test_each_model_has_a_length_scale_for_each_parameter_or_for_each_choice(
    proposer: BayesianProposer, count: int
) -> None:
    campaign = campaign_of(MIXED)
    [proposal] = propose(campaign, history_for(campaign), proposer.model_copy(update={"cost_aware": True}), 1)
    models = provenance_of(proposal).models
    fitted = [models.metrics["loss"], models.opinions["loss"], models.feasibility, models.cost]
    assert [length_scales(model) for model in fitted] == [count] * 4


@pytest.mark.parametrize("averaged", [False, True])
def test_a_proposal_can_be_appraised_from_its_record(averaged: bool) -> None:
    campaign = campaign_of(MIXED)
    proposer = HAMMING.model_copy(
        update={"cost_aware": True, "hyperparameters": "average" if averaged else "map", "warping": "always"}
    )
    history = history_for(campaign)
    batch = propose(campaign, history, proposer, 2)
    asked = Asked(campaign, history, proposer, Encoding(campaign.space), [], 2)
    for appraisal in appraise(asked, batch):
        assert appraisal.objections == []


def test_without_categories_the_setting_changes_no_bit() -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, 12, pending=2)
    assert propose(campaign, history, HAMMING, 2) == propose(campaign, history, ONE_HOT, 2)
    assert recommend(campaign, history, HAMMING) == recommend(campaign, history, ONE_HOT)


@pytest.mark.parametrize(("proposer", "warm"), [(HAMMING, True), (ONE_HOT, False)])
def test_a_new_choice_keeps_the_warm_start_if_categories_count_once(proposer: BayesianProposer, warm: bool) -> None:
    campaign = campaign_of(MIXED)
    history = history_for(campaign)
    last = propose(campaign, history, proposer, 1)
    wider = campaign_of(MIXED | {"method": {"kind": "categorical", "choices": ["adam", "sgd", True, "lion"]}})
    [proposal] = propose(wider, add(history, last), proposer, 1)
    starts = provenance_of(proposal).models.metrics["loss"].starts
    assert any(name.startswith("last proposal") for name in starts) == warm


@pytest.mark.parametrize("recorded", [{}, {"categories": "one_hot"}, {"categories": "hamming"}])
def test_a_ledger_without_the_setting_has_a_length_scale_for_each_choice(recorded: dict[str, CategoryDistance]) -> None:
    proposer = recorded_proposer({"kind": "bayesian"} | recorded)
    assert isinstance(proposer, BayesianProposer)
    assert proposer.categories == recorded.get("categories", "one_hot")
