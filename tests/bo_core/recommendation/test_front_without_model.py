"""The front of measurements, which is recommended if no model can be computed."""

import pytest
from told_fronts import Metrics, front_campaign, told_front

from overnight.bo_core.recommendation.measured import measured_front
from overnight.campaign import Campaign
from overnight.campaign.recommendation import Recommendation

# Each x with its size and speed; the third is beaten by the second.
RESULTS: dict[float, Metrics] = {
    0.0: {"size": 1.0, "speed": 10.0, "heat": 5.0},
    0.2: {"size": 2.0, "speed": 30.0, "heat": 1.0},
    0.3: {"size": 3.0, "speed": 25.0, "heat": 0.0},
    0.6: {"size": 6.0, "speed": 40.0, "heat": 2.0},
}


def found_of(campaign: Campaign, *again: tuple[float, Metrics]) -> Recommendation:
    tried = [*RESULTS.items(), *again]
    history = told_front(campaign, [{"x0": x} for x, _ in tried], [result for _, result in tried])
    return measured_front(campaign, history.goal, history.model_view().observed, "it failed")


def trials(found: Recommendation) -> list[int]:
    return [each.trial for each in found.front]


def test_the_front_is_that_of_the_measurements_and_nothing_is_inferred():
    found = found_of(front_campaign(1))
    assert trials(found) == [1, 2, 4]
    assert {each.probability for each in found.front} == {None}
    assert {metric: belief.mean for metric, belief in found.predicted.items()} == {"size": 2.0, "speed": 30.0}
    assert (found.trial, found.best_measured, found.without_model) == (2, 2, "it failed")
    assert found.worst == {"size": pytest.approx(6.5), "speed": pytest.approx(7.0)}
    assert found.probability_best == 3 / 4
    assert found.preferred is None


@pytest.mark.parametrize(
    ("prefer", "chosen", "preferred"), [("speed >= 30", 2, True), ("speed >= 35", 4, True), ("speed >= 50", 1, False)]
)
def test_a_preference_chooses_the_first_that_meets_it(prefer: str, chosen: int, preferred: bool):
    found = found_of(front_campaign(1, prefer=[prefer]))
    assert (found.trial, found.preferred, found.preferences) == (chosen, preferred, {})


def test_infeasible_measurements_do_not_count():
    found = found_of(front_campaign(1, constraints=["heat <= 1.5"]))
    assert trials(found) == [2]
    assert found.feasible_enough is None
    assert {*found.predicted} == {"size", "speed", "heat"}


def test_if_none_is_feasible_those_count_that_break_the_fewest_constraints():
    found = found_of(front_campaign(1, constraints=["heat <= -1", "size <= 2.5"], prefer=["speed >= 10"]))
    assert trials(found) == [1, 2]
    assert (found.trial, found.preferred) == (1, False)


def test_a_point_is_on_the_front_once():
    found = found_of(front_campaign(1), (0.2, {"size": 2.5, "speed": 35.0}))
    assert trials(found) == [1, 2, 4]
