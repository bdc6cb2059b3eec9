"""Results of other contexts on the scale of one context."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st
from told_campaigns import campaign_of, cube, history_of

from overnight.bo_core.data.across import Scale, on_scale
from overnight.bo_core.data.inside import view_across
from overnight.campaign import Measurement
from overnight.campaign.standing.in_context import seen_from

NUMBERS = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=8, unique=True)


@given(NUMBERS, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_a_context_that_is_another_one_raised_and_multiplied_is_brought_back_exactly(values, factor, raised):
    assume(max(values) - min(values) > 1e-3)
    there = {(("x", i),): value for i, value in enumerate(values)}
    here = {key: raised + factor * value for key, value in there.items()}
    scale = Scale.between(here, there)
    assert math.isclose(scale.factor, factor, rel_tol=1e-6)
    for key, value in there.items():
        found = scale.moved(Measurement(mean=value, sem=2.0))
        assert math.isclose(found.mean, here[key], rel_tol=1e-6, abs_tol=1e-6 * (1 + abs(raised)))
        assert math.isclose(found.sem or 0.0, 2.0 * scale.factor)


def test_configurations_tried_in_both_contexts_decide_the_level():
    here = {(("x", 1),): 10.0, (("x", 2),): 20.0}
    # The search in the other context went on close to its best point.
    there = {(("x", 1),): 1.0, (("x", 2),): 2.0, **{(("x", i),): 0.5 for i in range(3, 20)}}
    scale = Scale.between(here, there)
    assert math.isclose(scale.moved(Measurement(mean=1.5)).mean, 15.0)


def test_a_single_result_or_equal_ones_are_raised_only():
    assert Scale.between({(("x", 1),): 5.0}, {(("x", 2),): 1.0}) == Scale(4.0, 1.0)
    same = {(("x", i),): 2.0 for i in range(3)}
    assert Scale.between(same, same) == Scale(0.0, 1.0)


def test_only_results_outside_of_the_context_are_moved():
    campaign = campaign_of(cube(1), context={"site": ["a", "b"]})
    points = [{"x0": x, "site": site} for x in (0.1, 0.6) for site in "ab"]
    history = history_of(campaign, points, [1.0, 100.0, 2.0, 200.0], [0.1, 10.0, 0.1, None])
    here = campaign.within({"site": "a"})
    view = on_scale(here, view_across(here, seen_from(history, {"site": "a"})))
    measured = [trial.measured["loss"] for trial in view.observed]
    assert [round(each.mean, 9) for each in measured] == [1.0, 1.0, 2.0, 2.0]
    assert [each.sem and round(each.sem, 9) for each in measured] == [0.1, 0.1, 0.1, None]
    assert view.outside == {2, 4}
    assert [trial.id for trial in view.inside] == [1, 3]
