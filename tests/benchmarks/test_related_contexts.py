"""The families of related contexts have their optimum at the stated place, and both ways spend the same budget."""

import pytest

from benchmarks.contexts import CONTEXTS, FAMILIES, Family, measured
from benchmarks.quality.problems import BRANIN
from overnight.campaign.parameters import Value


@pytest.mark.parametrize("name", FAMILIES)
def test_the_optimum_of_each_context_is_moved_and_nothing_else_is(name):
    family = FAMILIES[name]
    for moves in family.moves(3).values():
        best: dict[str, Value] = {each: float(value) + moves[each] for each, value in family.problem.best.items()}
        assert family.regret(moves, best) == pytest.approx(0.0, abs=1e-3)
        aside: dict[str, Value] = {each: float(value) + 0.01 for each, value in best.items()}
        assert family.regret(moves, aside) > 0.0


def test_one_campaign_and_those_of_the_contexts_are_compared_at_three_times():
    row = measured(Family(BRANIN, 0.05, trials=3), seed=0)
    assert [len(row.together), len(row.apart)] == [len(CONTEXTS)] * 2
    assert all(regret >= 0.0 for regret in (*row.together, *row.apart))
