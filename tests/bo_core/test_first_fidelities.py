"""The first points of a campaign with a fidelity: in all kinds of space, within the budget, and new."""

from contextlib import suppress
from typing import Any

import pytest
from told_campaigns import MODEL, QUICK, add, campaign_of, cube, defined, key
from told_fidelities import EPOCHS, cheap, fidelity_of, loss, observed_at, run

from overnight.bo_core import SobolProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.errors import ModelFailed, SpaceExhausted
from overnight.campaign.standing.fidelity_costs import FidelityCosts

FREE: dict[str, Any] = {"kind": "float", "low": 0.0, "high": 1.0}
SPACES: list[dict[str, Any]] = [
    {"parameters": cube(2), "parameter_constraints": ["x0 + x1 <= 1"]},
    {"parameters": cube(3), "parameter_constraints": ["x0 + x1 + x2 == 1"]},
    {"parameters": {**cube(1), "of": {**FREE, "when": "x0 <= 0.5"}}},
    {"parameters": {**cube(2), "sum": {"kind": "derived", "value": "x0 + x1", "high": 1.5}}},
    {"parameters": cube(2), "fix": {"x1": 0.25}},
]


@pytest.mark.parametrize("space", SPACES)
def test_spaces_of_every_kind_are_searched_at_several_fidelities(space: dict[str, Any]) -> None:
    campaign = cheap(cost=100.0, **space)
    history = run(campaign, lambda point: loss({**point, "x1": 0.0}), MODEL, most=4)
    points = [trial.point for trial in history.trials.values()]
    assert not any(campaign.space.problems(point) for point in points)
    assert {trial.proposal.generator for trial in history.trials.values()} == {"sobol", "model"}
    assert len({point["epochs"] for point in points}) > 1


def in_full(campaign: Campaign, proposals: list[Proposal]) -> list[Any]:
    return [key(fidelity_of(campaign).at(proposal.point)) for proposal in proposals]


def paid(campaign: Campaign, history: History, proposal: Proposal) -> float:
    return fidelity_of(campaign).cost(proposal.point, FidelityCosts.of(fidelity_of(campaign), history).ended)


@pytest.mark.parametrize("reported", [0.0, 5e-324])
def test_evaluations_that_report_no_cost_worth_the_name_leave_the_choice_to_the_model(reported: float) -> None:
    campaign = cheap(cost=3.0)
    history = History.from_events([defined(campaign)])
    for _ in range(6):
        [proposal] = propose(campaign, history, MODEL, 1)
        history = observed_at(history, proposal, loss(proposal.point), reported)
    assert [trial.proposal.generator for trial in history.trials.values()] == ["sobol"] * 2 + ["model"] * 4


@pytest.mark.parametrize("cost", [1.5, 2.04, 2.1, 2.5, 3.5])
@pytest.mark.parametrize("q", [1, 8])
def test_the_first_points_leave_the_cost_of_the_confirming_trial(cost: float, q: int) -> None:
    campaign = cheap(cost=cost, parameters=cube(8))
    history, spent = History.from_events([defined(campaign)]), 0.0
    full, least = (fidelity_of(campaign).parameter.cost(level) for level in (81, 1))
    while (proposals := propose(campaign, history, QUICK, q))[0].generator == "sobol":
        for proposal in proposals:
            spent += paid(campaign, history, proposal)
            history = observed_at(history, proposal, loss(proposal.point), paid(campaign, history, proposal))
        if len(history.trials) > 12:
            break
    assert spent <= cost - full + 2 * least


def test_a_batch_of_the_model_leaves_the_cost_of_the_confirming_trial() -> None:
    campaign = cheap(cost=2.6)
    history, spent = History.from_events([defined(campaign)]), 0.0
    while (proposals := propose(campaign, history, MODEL, 8))[0].generator != "confirming":
        for proposal in proposals:
            cost = paid(campaign, history, proposal)
            spent, history = spent + cost, observed_at(history, proposal, loss(proposal.point), cost)
    parameter = fidelity_of(campaign).parameter
    assert spent <= 2.6 - parameter.cost(81) + 2 * parameter.cost(1)


def test_points_that_stand_in_for_the_model_are_new_at_all_fidelities(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_model(asked: Any) -> list[Proposal]:
        raise ModelFailed("it is not finite")

    monkeypatch.setattr("overnight.bo_core.propose.model_proposals", no_model)
    campaign = cheap(cost=100.0)
    history = run(campaign, proposer=QUICK, most=2)
    proposals = propose(campaign, history, QUICK, 8)
    assert {p.provenance.asked.away for p in proposals if p.provenance} == {None, "it is not finite"}
    points = [key(fidelity_of(campaign).at(trial.point)) for trial in history.trials.values()]
    assert len({*points, *in_full(campaign, proposals)}) == 10


def test_every_point_of_a_small_space_may_be_measured_in_full_before_the_space_is_exhausted() -> None:
    campaign = campaign_of(
        {"m": {"kind": "categorical", "choices": ["a", "b", "c"]}}, budget={"trials": 50, "cost": 20.0}, fidelity=EPOCHS
    )
    for proposer in (QUICK, SobolProposer()):
        history, points = History.from_events([defined(campaign)]), list[Point]()
        with suppress(SpaceExhausted):
            while proposals := propose(campaign, history, proposer, 4):
                points += [proposal.point for proposal in proposals]
                history = add(history, proposals)
        assert {point["m"] for point in points if point["epochs"] == 81} == {"a", "b", "c"}
        assert len({key(point) for point in points}) == len(points)
