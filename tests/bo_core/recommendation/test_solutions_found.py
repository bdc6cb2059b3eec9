"""Several different solutions: the greedy choice by hand, several peaks, constraints, and independence."""

import itertools
import math
from typing import Any

import pytest
import torch
from told_campaigns import (
    MIXED,
    NOON,
    bowl,
    campaign_of,
    cube,
    failed,
    history_of,
    key,
    observed,
    proposed,
    some_points,
    told,
)

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.situated import situated
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import TrialObserved
from overnight.campaign.recommendation import FoundSolutions, Recommendation
from overnight.campaign.solutions import difference

GRID = {
    "n": {"kind": "int", "low": 0, "high": 6},
    "size": {"kind": "ordinal", "choices": ["s", "m", "l"]},
    "method": {"kind": "categorical", "choices": ["a", "b", "c"]},
}
PLANE = {name: {"kind": "float", "low": -5.0, "high": 5.0} for name in ("x", "y")}
MINIMA = [(3.0, 2.0), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)]


def found_of(campaign: Campaign, history: History, **more: Any) -> Recommendation:
    found = recommend(campaign, history, **more)
    assert found is not None
    return found


def solutions_of(campaign: Campaign, history: History, **more: Any) -> FoundSolutions:
    found = found_of(campaign, history, **more).solutions
    assert found is not None
    return found


def himmelblau(point: Point) -> float:
    x, y = float(point["x"]), float(point["y"])
    return (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2


def on_grid(point: Point) -> float:
    return (float(point["n"]) - 2) ** 2 / 9 + 0.3 * "sml".index(str(point["size"])) + 0.2 * (point["method"] == "b")


def asked_on_grid(**solutions: Any) -> Campaign:
    return campaign_of(GRID, solutions={"count": 4, "apart": 0.5, **solutions})


def measured_on_grid(campaign: Campaign, share: float) -> History:
    every = Encoding(campaign.space).every_point()
    points = [point for i, point in enumerate(every) if (i * 0.618) % 1 < share]
    return history_of(campaign, points, [on_grid(p) for p in points], [0.02] * len(points))


def believed_by_hand(campaign: Campaign, history: History) -> dict[Any, float]:
    """Return the mean of every point of a finite space."""
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    encoding = Encoding(campaign.space)
    situation = situated(campaign, history.model_view(), encoding, BayesianProposer())
    model = Model.of(situation.observed["loss"], BayesianProposer(), generator, sets=32)
    every = encoding.every_point()
    means = model.posterior.averaged(encoding.encode(every))[0].tolist()
    return {key(p): model.observed.outcomes.mean_in_units(m) for p, m in zip(every, means, strict=True)}


def greedy_by_hand(campaign: Campaign, history: History, first: Point) -> list[Any]:
    """Return the keys of the solutions of a loss, best measured ones first, without a search."""
    asked, space = campaign.solutions, campaign.parameters
    assert asked is not None
    assert asked.within is not None
    means = believed_by_hand(campaign, history)
    measured = {key(trial.point) for trial in history.trials.values()}
    chosen = [key(first)]
    while len(chosen) < asked.count:
        far = {
            point: mean
            for point, mean in means.items()
            if all(difference(space, dict(point), dict(each)) >= asked.apart for each in chosen)
            and mean - means[chosen[0]] <= asked.within
        }
        among = [point for point in far if point in measured] or [*far]
        if not among:
            break
        chosen.append(min(among, key=lambda point: far[point]))
    return chosen


@pytest.mark.parametrize("apart", [0.34, 0.5, 1.0])
@pytest.mark.parametrize("within", [0.1, 0.35, 2.0])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_the_solutions_are_those_of_a_greedy_choice_by_hand(apart: float, within: float, share: float):
    campaign = asked_on_grid(apart=apart, within=within)
    history = measured_on_grid(campaign, share)
    found = solutions_of(campaign, history)
    expected = greedy_by_hand(campaign, history, found.found[0].point)
    assert [key(each.point) for each in found.found] == expected
    measured = {key(trial.point): trial.id for trial in history.trials.values()}
    assert [each.trial for each in found.found] == [measured.get(point) for point in expected]


@pytest.mark.parametrize("count", [2, 5, 9])
def test_every_two_solutions_differ_and_each_is_nearly_as_good_as_the_first(count: int):
    campaign = campaign_of(MIXED, solutions={"count": count, "apart": 0.3, "within": 0.5})
    points = some_points(campaign, 12)
    found = solutions_of(campaign, history_of(campaign, points, [bowl(p) for p in points]))
    assert len(found.found) == count
    means = [each.predicted["loss"].mean for each in found.found]
    assert max(means) - means[0] <= 0.5
    for i, each in enumerate(found.found):
        others = [
            difference(campaign.parameters, each.point, other.point) for j, other in enumerate(found.found) if i != j
        ]
        assert each.differs_by == min(others) >= 0.3 - 1e-9


def nearest_minimum(point: Point) -> int:
    return min(range(4), key=lambda i: math.dist(MINIMA[i], (float(point["x"]), float(point["y"]))))


@pytest.mark.parametrize("seed", range(3))
def test_the_solutions_of_a_function_with_four_minima_are_the_four(seed: int):
    campaign = campaign_of(PLANE, solutions={"count": 4, "apart": 0.3, "within": 20.0})
    points = some_points(campaign, 50, seed)
    found = solutions_of(campaign, history_of(campaign, points, [himmelblau(p) for p in points]))
    assert {nearest_minimum(each.point) for each in found.found} == {0, 1, 2, 3}


def test_without_a_measured_point_the_search_finds_the_other_minima():
    # Only the surroundings of one minimum have results that are good enough.
    campaign = campaign_of(PLANE, solutions={"count": 4, "apart": 0.3, "within": 8.0}, noise="none")
    points = [
        p
        for p in some_points(campaign, 160)
        if nearest_minimum(p) == 0 or all(math.dist(m, (float(p["x"]), float(p["y"]))) > 0.9 for m in MINIMA[1:])
    ]
    found = solutions_of(campaign, history_of(campaign, points, [himmelblau(p) for p in points]))
    assert {nearest_minimum(each.point) for each in found.found} == {0, 1, 2, 3}
    assert any(each.trial is None for each in found.found[1:])
    for each in found.found:
        assert himmelblau(each.point) < 8.0


@pytest.mark.parametrize("apart", [0.2, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_a_solution_that_was_not_measured_is_the_best_point_that_differs_enough(apart: float, seed: int):
    plain = campaign_of(cube(2))
    tried = some_points(plain, 25, seed)
    middle = found_of(plain, history_of(plain, tried, [bowl(p) for p in tried])).point
    near = [middle, *(p for p in tried if difference(plain.parameters, p, middle) < apart)]
    campaign = campaign_of(cube(2), solutions={"count": 2, "apart": apart, "within": 100.0})
    history = history_of(campaign, near, [bowl(p) for p in near])
    first, second = solutions_of(campaign, history).found
    assert second.trial is None
    generator = torch.Generator().manual_seed(seed_of(campaign, 0))
    situation = situated(campaign, history.model_view(), Encoding(campaign.space), BayesianProposer())
    model = Model.of(situation.observed["loss"], BayesianProposer(), generator, sets=32)
    axis = torch.linspace(0.0, 1.0, 101, dtype=torch.float64)
    every = torch.cartesian_prod(axis, axis)
    at = Encoding(campaign.space).encode([first.point])
    differing = every[(every - at).abs().amax(1) >= apart]
    best = model.observed.outcomes.mean_in_units(float(model.posterior.averaged(differing)[0].max()))
    # The grid has no points right at the border, so the solution may be better.
    assert second.predicted["loss"].mean <= best + 0.001
    assert difference(campaign.parameters, first.point, second.point) >= apart - 1e-9


def test_only_measured_points_are_solutions_if_nothing_else_may_be_recommended():
    campaign = asked_on_grid(within=2.0)
    history = measured_on_grid(campaign, 0.2)
    found = solutions_of(campaign, history, anywhere=False)
    assert found.measured_only
    assert all(each.trial is not None for each in found.found)
    assert not solutions_of(campaign, history).measured_only


def test_once_a_trial_has_confirmed_only_the_first_solution_has_to_be_measured():
    campaign = campaign_of({"n": {"kind": "int", "low": 0, "high": 4}}, solutions={"count": 2, "apart": 1, "within": 9})
    points: list[Point] = [{"n": n} for n in (0, 1, 2, 3)]
    history = history_of(campaign, points, [0.0, 0.1, 0.2, 0.3], [0.01] * 4)
    confirmed = history.extended([proposed(5, {"n": 0}, "confirming"), observed(5, 0.0, 0.01)])
    found = solutions_of(campaign, confirmed)
    assert [(each.trial, each.point) for each in found.found] == [(1, {"n": 0}), (None, {"n": 4})]
    assert not found.measured_only


def test_the_first_solution_is_the_recommendation_itself():
    campaign = asked_on_grid()
    found = found_of(campaign, measured_on_grid(campaign, 0.4))
    assert found.solutions is not None
    first = found.solutions.found[0]
    assert (first.trial, first.point, first.predicted) == (found.trial, found.point, found.predicted)


@pytest.mark.parametrize("more", [{}, {"constraints": ["heat <= 0.4"]}, {"baseline": {"x0": 0.5, "x1": 0.5}}])
def test_nothing_else_of_a_recommendation_depends_on_the_solutions(more: dict[str, Any]):
    plain = campaign_of(cube(2), **more)
    asking = campaign_of(cube(2), **more, solutions={"count": 3, "within": 0.3})
    ordinary, several = found_of(plain, heated(plain)), found_of(asking, heated(asking))
    assert several.solutions is not None
    assert repr(several.model_copy(update={"solutions": None})) == repr(ordinary)
    assert several == found_of(asking, heated(asking))


def test_no_proposal_depends_on_the_solutions():
    plain, asking = campaign_of(cube(2)), campaign_of(cube(2), solutions={"count": 3})
    one, other = (propose(each, told(each, 9), BayesianProposer(), 2) for each in (plain, asking))
    assert [(p.point, p.provenance and p.provenance.chosen) for p in one] == [
        (p.point, p.provenance and p.provenance.chosen) for p in other
    ]


def heated(campaign: Campaign, count: int = 24) -> History:
    """Return results of two parameters whose heat is the first one."""
    points, history = some_points(campaign, count), history_of(campaign, [], [])
    for i, point in enumerate(points, 1):
        loss = bowl(point)
        metrics = {"loss": Measurement(mean=loss, sem=0.01), "heat": Measurement(mean=float(point["x0"]), sem=0.01)}
        result = TrialObserved(time=NOON, actor="test", trial=i, attempt=1, metrics=metrics)
        history = history.extended([proposed(i, point), result])
    return history


def test_every_solution_is_feasible_with_the_demanded_probability():
    asked = {"count": 5, "apart": 0.3, "within": 5.0}
    limited = campaign_of(cube(2), constraints=["heat <= 0.4"], solutions=asked)
    free = campaign_of(cube(2), solutions=asked)
    found = solutions_of(limited, heated(limited))
    assert len(found.found) > 2
    assert all(float(each.point["x0"]) <= 0.4 for each in found.found)
    assert all((each.probability_feasible or 0.0) >= limited.feasible_at_least for each in found.found)
    assert any(float(each.point["x0"]) > 0.4 for each in solutions_of(free, heated(free)).found)
    assert all(each.probability_feasible is None for each in solutions_of(free, heated(free)).found)


def test_there_is_one_solution_if_not_even_the_recommended_point_is_feasible_enough():
    campaign = campaign_of(cube(2), constraints=["heat <= -1"], solutions={"count": 3, "within": 5.0})
    found = found_of(campaign, heated(campaign))
    assert found.feasible_enough is False
    assert found.solutions is not None
    assert (len(found.solutions.found), found.solutions.next_loss) == (1, None)
    assert found.solutions.found[0].differs_by is None


def test_fewer_solutions_come_with_the_loss_of_the_next_one():
    campaign = asked_on_grid(within=1e-6)
    history = measured_on_grid(campaign, 0.6)
    found = solutions_of(campaign, history)
    means = believed_by_hand(campaign, history)
    first = found.found[0].point
    others = [
        mean - means[key(first)]
        for point, mean in means.items()
        if difference(campaign.parameters, dict(point), first) >= 0.5
    ]
    assert len(found.found) == 1
    assert found.next_loss == pytest.approx(min(others))


def test_a_point_that_failed_is_no_solution():
    campaign = campaign_of({"n": {"kind": "int", "low": 0, "high": 4}}, solutions={"count": 2, "apart": 1, "within": 9})
    points: list[Point] = [{"n": n} for n in (0, 1, 2, 3)]
    history = history_of(campaign, points, [0.0, 0.1, 0.2, 0.3], [0.01] * 4)
    assert [each.point for each in solutions_of(campaign, history).found] == [{"n": 0}, {"n": 4}]
    broken = history.extended([proposed(5, {"n": 4}), failed(5)])
    found = solutions_of(campaign, broken)
    assert [each.point for each in found.found] == [{"n": 0}]
    assert found.next_loss is None


def test_by_default_a_solution_may_be_worse_by_a_tenth_of_the_distance_to_the_median():
    campaign = asked_on_grid()
    history = measured_on_grid(campaign, 0.6)
    found = solutions_of(campaign, history)
    means = believed_by_hand(campaign, history)
    measured = sorted(means[key(trial.point)] for trial in history.trials.values())
    half = len(measured) // 2
    median = (measured[half] + measured[~half]) / 2
    assert found.within_inferred
    assert found.within == pytest.approx(0.1 * (median - means[key(found.found[0].point)]))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_direction_of_the_objective_changes_nothing_else(sign: float):
    goal = {"maximize": "loss"} if sign < 0 else {}
    campaign = campaign_of(GRID, solutions={"count": 4, "apart": 0.5, "within": 0.5}, **goal)
    points = Encoding(campaign.space).every_point()[::2]
    history = history_of(campaign, points, [sign * on_grid(p) for p in points], [0.02] * len(points))
    found = solutions_of(campaign, history)
    straight = asked_on_grid(within=0.5)
    same = history_of(straight, points, [on_grid(p) for p in points], [0.02] * len(points))
    assert [each.point for each in found.found] == [each.point for each in solutions_of(straight, same).found]


def without_model(campaign: Campaign, losses: list[float]) -> FoundSolutions:
    points: list[Point] = [{"x0": i / (len(losses) - 1), "x1": 0.5} for i in range(len(losses))]
    history = history_of(campaign, points, losses)
    broken = BayesianProposer.model_validate({"surrogate": {"kind": "gpytorch", "model": "nowhere:model"}})
    found = found_of(campaign, history, proposer=broken)
    assert found.without_model is not None
    assert found.solutions is not None
    return found.solutions


def test_without_a_model_the_measurements_decide():
    losses = [3.0, 1.0, 2.5, 9.0, 1.5, 1.2]
    campaign = campaign_of(cube(2), solutions={"count": 4, "apart": 0.4, "within": 1.6})
    found = without_model(campaign, losses)
    # Trial 6 at 1.0 is the best that differs enough from trial 2 at 0.2; only trial 4 at 0.6 differs from both.
    assert [each.trial for each in found.found] == [2, 6]
    assert (found.next_loss, found.measured_only) == (8.0, True)
    assert found.found[1].differs_by == pytest.approx(0.8)
    nearer = without_model(campaign_of(cube(2), solutions={"count": 4, "apart": 0.4, "within": 0.1}), losses)
    assert [each.trial for each in nearer.found] == [2]
    assert nearer.next_loss == pytest.approx(0.2)
    inferred = without_model(campaign_of(cube(2), solutions={"count": 2}), losses)
    assert inferred.within == pytest.approx(0.1 * 1.0)


def test_equally_good_points_are_chosen_in_the_order_of_their_trials():
    campaign = campaign_of(GRID, solutions={"count": 3, "apart": 1.0, "within": 9})
    points = [{"n": n, "size": "s", "method": m} for n, m in itertools.product((0, 3, 6), "abc")]
    history = history_of(campaign, points, [1.0] * 9, [0.1] * 9)
    twice = solutions_of(campaign, history), solutions_of(campaign, history)
    assert twice[0] == twice[1]
    assert len(twice[0].found) == 3
