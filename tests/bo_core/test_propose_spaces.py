"""Proposals in spaces with conditions and constraints are allowed, new, replayable and good."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from told_campaigns import add, campaign_of, history_of, key, observed

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Point
from overnight.campaign.errors import SpaceExhausted

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
LEARNER = {
    "optimizer": {"kind": "categorical", "choices": ["sgd", "adam", "lamb"]},
    "rate": {"kind": "float", "low": 1e-4, "high": 1.0, "scale": "log"},
    "momentum": {**FLOAT, "when": {"optimizer": "sgd"}},
    "layers": {"kind": "int", "low": 1, "high": 4},
    "width": {"kind": "int", "low": 8, "high": 512, "scale": "log", "when": "layers >= 3"},
}
QUICK = BayesianProposer(restarts=4, raw_points=128)


def searched(campaign: Campaign, loss: Callable[[Point], float], trials: int, pending: int = 2) -> History:
    """Return the history of a campaign in which `pending` trials are outstanding whenever a point is proposed."""
    history, waiting = history_of(campaign, [], []), list[tuple[int, Point]]()
    for _ in range(trials):
        [proposal] = propose(campaign, history, QUICK, 1)
        assert not campaign.space.problems(proposal.point)
        assert key(proposal.point) not in {key(trial.point) for trial in history.trials.values()}
        waiting.append((history.next_trial, proposal.point))
        history = add(history, [proposal])
        if len(waiting) > pending:
            trial, point = waiting.pop(0)
            history = history.extended([observed(trial, loss(point))])
    return history.extended([observed(trial, loss(point)) for trial, point in waiting])


def best(history: History) -> float:
    """Return the least loss that was observed."""
    return min(trial.measured["loss"].mean for trial in history.trials.values())


def learning(point: Point) -> float:
    """Return a loss whose best branch (sgd, three layers) has parameters of its own; its least value is -0.65."""
    value = 0.3 * (math.log10(float(point["rate"])) + 2.0) ** 2 + 0.05 * float(point["layers"])
    branch = {"adam": 0.1, "lamb": 0.3}.get(str(point["optimizer"]))
    value += 4.0 * (float(point["momentum"]) - 0.9) ** 2 - 0.5 if branch is None else branch
    if "width" not in point:
        return value + 0.2 * float(point["layers"])
    return value + 0.1 * (math.log2(float(point["width"])) - 6.0) ** 2 - 0.3


def test_a_conditional_space_is_searched_in_its_best_branch():
    history = searched(campaign_of(LEARNER, noise="none"), learning, 35)
    assert best(history) < -0.62
    assert sum(1 for trial in history.trials.values() if trial.proposal.generator == "model") > 20


def test_the_optimum_of_a_mixture_is_found_to_a_thousandth():
    campaign = campaign_of(dict.fromkeys("abc", FLOAT), parameter_constraints=["a + b + c == 1"], noise="none")
    target = {"a": 0.2, "b": 0.5, "c": 0.3}
    history = searched(campaign, lambda p: sum((float(p[n]) - target[n]) ** 2 for n in target), 25)
    assert best(history) < 1e-3


def test_an_optimum_on_a_curved_edge_is_reached_from_inside():
    plane = {name: {"kind": "float", "low": -2.0, "high": 2.0} for name in "xy"}
    campaign = campaign_of(plane, parameter_constraints=["x**2 + y**2 <= 1"], noise="none")
    history = searched(campaign, lambda p: -float(p["x"]) - float(p["y"]), 20)
    assert best(history) == pytest.approx(-math.sqrt(2.0), abs=0.01)


def test_a_knapsack_of_whole_numbers_is_filled_to_its_edge():
    # The best that 5a + 7b + 4c ≤ 40 allows of 6a + 9b + 4c is 51: by trying everything.
    items = {name: {"kind": "int", "low": 0, "high": 6} for name in "abc"}

    def worth(point: Any) -> float:
        return 6 * point["a"] + 9 * point["b"] + 4 * point["c"]

    every = [(a, b, c) for a in range(7) for b in range(7) for c in range(7) if 5 * a + 7 * b + 4 * c <= 40]
    optimum = max(worth(dict(zip("abc", each, strict=True))) for each in every)
    campaign = campaign_of(items, parameter_constraints=["5 * a + 7 * b + 4 * c <= 40"], noise="none")
    assert -best(searched(campaign, lambda p: -worth(p), 25)) >= optimum - 1


def test_a_campaign_larger_than_its_space_ends_when_every_point_was_tried():
    number = {"kind": "int", "low": 0, "high": 3}
    parameters = {"a": number, "b": {**number, "when": "a >= 2"}, "c": number}
    campaign = campaign_of(parameters, parameter_constraints=["a + c <= 3"], noise="none")
    count = sum((4 if a >= 2 else 1) * (4 - a) for a in range(4))
    history = searched(campaign, lambda p: float(p["a"]) + float(p.get("b", 0)), count, pending=0)
    assert len(history.trials) == count
    for proposer in (QUICK, SobolProposer()):
        with pytest.raises(SpaceExhausted):
            propose(campaign, history, proposer, 1)


def test_few_points_of_a_large_space_are_all_tried_and_then_it_is_exhausted():
    number = {"kind": "int", "low": 0, "high": 999}
    # A million combinations are too many to count the three that are allowed.
    campaign = campaign_of({"a": number, "b": number}, parameter_constraints=["a + b <= 1"])
    history = history_of(campaign, [], [])
    for _ in range(3):
        history = add(history, propose(campaign, history, SobolProposer(), 1))
    with pytest.raises(SpaceExhausted):
        propose(campaign, history, SobolProposer(), 1)


@pytest.mark.parametrize("constraints", [[], ["rate * layers <= 0.5", "momentum + rate <= 0.95"]])
def test_a_proposal_is_the_same_bit_for_bit_whenever_it_is_made(constraints):
    campaign = campaign_of(LEARNER, parameter_constraints=constraints)
    history = searched(campaign, learning, 16)
    once, again = (propose(campaign, history, QUICK, 2) for _ in range(2))
    assert [p.point for p in once] == [p.point for p in again]
    assert all(p.generator == "model" for p in once)


def test_the_recommendation_is_an_allowed_point():
    campaign = campaign_of(LEARNER, parameter_constraints=["rate * layers <= 0.02"])
    history = searched(campaign, learning, 20)
    found = recommend(campaign, history, QUICK)
    assert found is not None
    assert not campaign.space.problems(found.point)


def test_what_is_learnt_in_one_branch_counts_in_the_others():
    # The rate matters everywhere in the same way. It is tried with adam only, and proposed well with sgd.
    campaign = campaign_of({k: LEARNER[k] for k in ("optimizer", "rate", "momentum")}, noise="none")
    rates = [10 ** (-4 + 4 * i / 11) for i in range(12)]
    points: list[dict[str, Any]] = [{"optimizer": "adam", "rate": rate} for rate in rates]
    points += [{"optimizer": "sgd", "rate": 0.2, "momentum": m} for m in (0.2, 0.5, 0.9)]
    losses = [(math.log10(p["rate"]) + 2.0) ** 2 - (p["optimizer"] == "sgd") for p in points]
    [proposal] = propose(campaign, history_of(campaign, points, losses), BayesianProposer(), 1)
    assert proposal.point["optimizer"] == "sgd"
    assert abs(math.log10(float(proposal.point["rate"])) + 2.0) < 0.5


@pytest.mark.parametrize("proposer", [QUICK, SobolProposer()])
def test_new_points_have_the_fixed_values_and_older_ones_are_learnt_from(proposer):
    free = campaign_of(LEARNER, noise="none")
    history = searched(free, learning, 12)
    fixed = free.model_copy(update={"fix": {"optimizer": "sgd", "layers": 2, "momentum": 0.5}})
    found = propose(fixed, history, proposer, 3)
    assert [{**p.point, "rate": 0} for p in found] == [
        {"optimizer": "sgd", "momentum": 0.5, "layers": 2, "rate": 0}
    ] * 3
    knew = found[0].provenance
    assert knew is not None
    if proposer is QUICK:
        assert knew.knew.observed == 12


def test_a_fixed_share_leaves_the_rest_of_the_mixture_to_the_others():
    mixture: dict[str, Any] = {"parameter_constraints": ["a + b + c == 1"], "fix": {"c": 0.25}}
    campaign = campaign_of(dict.fromkeys("abc", FLOAT), noise="none", **mixture)
    history = searched(campaign, lambda p: (float(p["a"]) - 0.5) ** 2, 12)
    assert {trial.point["c"] for trial in history.trials.values()} == {0.25}
    assert best(history) < 1e-4


def test_the_baseline_is_tried_once_although_another_value_is_fixed():
    campaign = campaign_of(
        LEARNER, noise="none", baseline={"optimizer": "adam", "rate": 0.1, "layers": 1}, fix={"layers": 2}
    )
    history = searched(campaign, learning, 6)
    assert [trial.point["layers"] for trial in history.trials.values()] == [1, 2, 2, 2, 2, 2]


def test_a_space_of_which_all_points_with_the_fixed_value_were_tried_is_exhausted():
    switches = {name: {"kind": "bool"} for name in "abc"}
    free = campaign_of(switches, noise="none")
    history = history_of(free, [{"a": False, "b": True, "c": True}], [1.0])
    fixed = free.model_copy(update={"fix": {"a": True}})
    for _ in range(4):
        [proposal] = propose(fixed, history, QUICK, 1)
        assert proposal.point["a"] is True
        history = add(history, [proposal]).extended([observed(history.next_trial, 0.5)])
    with pytest.raises(SpaceExhausted):
        propose(fixed, history, QUICK, 1)
