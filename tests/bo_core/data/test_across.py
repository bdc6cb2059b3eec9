"""Results of other contexts on the scale of one context."""

import math
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from told_campaigns import NOON, campaign_of, cube, history_of

from overnight.bo_core.data.across import Scale, on_scale
from overnight.bo_core.data.encoding import Encoding, PointKey
from overnight.bo_core.data.inside import view_across
from overnight.campaign import Measurement
from overnight.campaign.history.events import CampaignRevised
from overnight.campaign.standing.in_context import seen_from


def of(x: int) -> PointKey:
    return (("x", x),)


NUMBERS = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=8, unique=True)


@given(NUMBERS, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_a_context_that_is_another_one_raised_and_multiplied_is_brought_back_exactly(values, factor, raised):
    assume(max(values) - min(values) > 1e-3)
    there = {of(i): value for i, value in enumerate(values)}
    here = {key: raised + factor * value for key, value in there.items()}
    scale = Scale.between(here, there)
    assert math.isclose(scale.factor, factor, rel_tol=1e-6)
    for key, value in there.items():
        found = scale.moved(Measurement(mean=value, sem=2.0))
        assert math.isclose(found.mean, here[key], rel_tol=1e-6, abs_tol=1e-6 * (1 + abs(raised)))
        assert math.isclose(found.sem or 0.0, 2.0 * scale.factor)


def test_configurations_tried_in_both_contexts_decide_the_level():
    here = {of(1): 10.0, of(2): 20.0}
    # The search in the other context continued close to its best point.
    there = {of(1): 1.0, of(2): 2.0, **{of(i): 0.5 for i in range(3, 20)}}
    scale = Scale.between(here, there)
    assert math.isclose(scale.moved(Measurement(mean=1.5)).mean, 15.0)


def test_a_single_result_or_equal_ones_are_raised_only():
    assert Scale.between({of(1): 5.0}, {of(2): 1.0}) == Scale(4.0, 1.0)
    same = {of(i): 2.0 for i in range(3)}
    assert Scale.between(same, same) == Scale(0.0, 1.0)


def test_only_results_outside_of_the_context_are_moved():
    campaign = campaign_of(cube(1), context={"site": ["a", "b"]})
    points = [{"x0": x, "site": site} for x in (0.1, 0.6) for site in "ab"]
    history = history_of(campaign, points, [1.0, 100.0, 2.0, 200.0], [0.1, 10.0, 0.1, None])
    here = campaign.within({"site": "a"})
    seen = view_across(here, seen_from(history, {"site": "a"}), Encoding(here.space), around=False)
    view = on_scale(here, seen)
    measured = [trial.measured["loss"] for trial in view.observed]
    assert [round(each.mean, 9) for each in measured] == [1.0, 1.0, 2.0, 2.0]
    assert [each.sem and round(each.sem, 9) for each in measured] == [0.1, 0.1, 0.1, None]
    assert view.outside == {2, 4}
    assert [trial.id for trial in view.inside] == [1, 3]


def test_results_of_the_context_itself_outside_of_revised_bounds_are_learnt_as_they_are():
    wide = campaign_of(cube(1), context={"site": ["a", "b"]})
    points = [{"x0": x, "site": site} for x in (0.1, 0.6, 0.7) for site in "ab"]
    history = history_of(wide, points, [1.0, 100.0, 2.0, 200.0, 3.0, 300.0])
    narrow = campaign_of({"x0": {"kind": "float", "low": 0.5, "high": 1.0}}, context={"site": ["a", "b"]})
    history = history.extended([CampaignRevised(time=NOON, actor="ada", revision=1, definition=narrow)])
    here = narrow.within({"site": "a"})
    seen = view_across(here, seen_from(history, {"site": "a"}), Encoding(here.space), around=True)
    view = on_scale(here, seen)
    assert view.outside == {1, 2, 4, 6}
    assert [round(trial.measured["loss"].mean, 9) for trial in view.observed] == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    ignored = view_across(here, seen_from(history, {"site": "a"}), Encoding(here.space), around=False)
    assert [trial.id for trial in ignored.observed] == [3, 4, 5, 6]


@pytest.mark.parametrize("vast", [1e160, 1e300, sys.float_info.max])
def test_a_vast_result_of_another_context_leaves_all_numbers_finite(vast):
    campaign = campaign_of(cube(1), context={"site": ["a", "b"]})
    points = [{"x0": x, "site": site} for x in (0.1, 0.4, 0.6) for site in "ab"]
    for means in ([1.0, 2.0, 2.0, vast, 3.0, -vast], [vast, 2.0, -vast, 3.0, vast, 5.0], [vast, -vast] * 3):
        history = history_of(campaign, points * 2, means * 2)
        for site in "ab":
            here = campaign.within({"site": site})
            seen = view_across(here, seen_from(history, {"site": site}), Encoding(here.space), around=False)
            view = on_scale(here, seen)
            assert all(math.isfinite(trial.measured["loss"].mean) for trial in view.observed)


def test_vast_results_are_brought_to_the_scale_of_small_ones():
    there = {of(i): 1e300 * value for i, value in enumerate((1.0, 2.0, 4.0))}
    here = {of(i): value for i, value in enumerate((1.0, 2.0, 4.0))}
    for one, other in ((here, there), (there, here)):
        scale = Scale.between(one, other)
        for key, value in other.items():
            assert math.isclose(scale.moved(Measurement(mean=value)).mean, one[key], rel_tol=1e-9)
