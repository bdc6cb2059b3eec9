"""The expected cost of an evaluation that may continue an earlier one, however many have ended."""

import random

from thorough_campaigns import thorough

from overnight.campaign import Point
from overnight.campaign.standing.fidelity_costs import FidelityCosts

RATIOS: dict[float, float] = {1: 0.5, 3: 1.0, 9: 2.0}


class Counted(list[Point]):
    """Points that count how often they are gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


def some(count: int, seed: int) -> list[Point]:
    random_numbers = random.Random(seed)
    return [{"x": random_numbers.choice([0, 0.5, 1]), "epochs": random_numbers.choice([1, 3, 9])} for _ in range(count)]


def costs_of(ended: list[Point], *, resume: bool = True) -> FidelityCosts:
    fidelity = thorough(resume=resume).fidelity
    assert fidelity is not None
    return FidelityCosts(fidelity, ended, RATIOS)


def test_the_cost_is_that_of_the_rest_after_the_highest_lower_fidelity_at_which_the_point_has_ended() -> None:
    for seed in range(20):
        for resume in (False, True):
            ended = some(seed % 7, seed)
            costs = costs_of(ended, resume=resume)
            for point in [*some(10, seed + 100), {"x": 1.0, "epochs": 9}, {"x": 0.5}]:
                level = costs.fidelity.of(point)
                lower = [costs.fidelity.of(each) for each in ended if each["x"] == point["x"]]
                begun = max((each for each in lower if each < level), default=0.0) if resume else 0
                assert costs.at(point) == (level - begun) / 9 * RATIOS[level]


def test_the_ended_points_are_gone_through_once_for_all_costs() -> None:
    ended = Counted(some(50, 0))
    costs = costs_of(ended)
    before = ended.passes
    assert len({costs.at(point) for point in some(200, 1)}) > 1
    assert ended.passes <= before + 1
