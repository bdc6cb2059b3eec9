"""Points of the Sobol sequence do not depend on the sizes of the requests, and no request restarts the sequence."""

import torch
from told_campaigns import MIXED, campaign_of, key

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.search.quasi_random import uniform_block, uniform_draws
from overnight.bo_core.search.sobol import _block, sobol_points
from overnight.campaign import Point

ENCODING = Encoding(campaign_of(MIXED).space)


def test_blocks_of_the_sequence_are_parts_of_it() -> None:
    whole = uniform_draws(3, 700, seed=5)
    blocks = [uniform_block(3, start, 256, seed=5) for start in (0, 256, 512)]
    assert torch.equal(torch.cat(blocks)[:700], whole)


def test_points_asked_for_one_by_one_are_those_of_the_sequence_without_repetitions() -> None:
    expected: list[Point] = []
    for coordinates in uniform_draws(ENCODING.k, 400, seed=3).tolist():
        point = ENCODING.point_at(coordinates)
        if point not in expected:
            expected.append(point)
    _block.cache_clear()
    found: list[Point] = []
    for _ in range(300):
        found += sobol_points(ENCODING, 3, {key(point) for point in found}, 1)
    assert found == expected[:300]
    # Each part of the sequence was computed once.
    assert _block.cache_info().misses == 2


def test_a_point_that_somebody_changes_does_not_change_the_sequence() -> None:
    [point] = sobol_points(ENCODING, 1, set(), 1)
    point["share"] = 99.0
    assert sobol_points(ENCODING, 1, set(), 1) != [point]
