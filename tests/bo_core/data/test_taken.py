"""The taken points of a history are those of its trials, regardless of the requests about other histories before."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from told_campaigns import MIXED, campaign_of

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.data.taken import Taken
from overnight.bo_core.search.sobol import _block, sobol_points
from overnight.campaign import Point, Proposal, Trial
from overnight.campaign.history.trials import Trials

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENCODING = Encoding(campaign_of(MIXED).space)
SEED = 3
FIRST = sobol_points(ENCODING, SEED, set(), 12)


def trial(number: int, point: Point) -> Trial:
    return Trial(id=number, proposal=Proposal(point=point, generator="sobol"), proposed=NOON)


def keys_of(trials: Trials) -> set[object]:
    return {key_of(each.point) for each in trials.values()}


@st.composite
def histories(draw: st.DrawFn) -> list[Trials]:
    """Draw histories of which each continues an earlier one, and perhaps gives one of its trials another point."""
    found = [Trials()]
    for _ in range(draw(st.integers(1, 12))):
        before = draw(st.sampled_from(found))
        points = draw(st.lists(st.sampled_from(FIRST), max_size=3))
        news = {before.last + i: trial(before.last + i, point) for i, point in enumerate(points, start=1)}
        if before and draw(st.integers(0, 4)) == 0:
            news[before.last] = trial(before.last, draw(st.sampled_from(FIRST)))
        found.append(before.changed(news))
    return found


@given(histories(), st.data())
def test_taken_points_are_those_of_the_trials_in_whatever_order_histories_are_asked(
    found: list[Trials], data: st.DataObject
) -> None:
    for trials in data.draw(st.permutations(found)):
        taken, chosen = Taken(trials), FIRST[5:7]
        assert {*taken} == keys_of(trials)
        assert len(taken) == len(keys_of(trials))
        assert [key_of(point) in taken for point in FIRST] == [key_of(point) in keys_of(trials) for point in FIRST]
        more = taken.and_chosen([key_of(point) for point in chosen])
        assert {*more} == keys_of(trials) | {key_of(point) for point in chosen}
        assert len(more) == len({*more})
        assert sobol_points(ENCODING, SEED, more, 3) == sobol_points(ENCODING, SEED, {*more}, 3)


def test_a_request_after_many_trials_does_not_walk_along_the_sequence_again() -> None:
    points = sobol_points(ENCODING, SEED, set(), 2000)
    trials = Trials({i: trial(i, point) for i, point in enumerate(points, start=1)})
    [next_point] = sobol_points(ENCODING, SEED, Taken(trials), 1)
    trials = trials.changed({2001: trial(2001, next_point)})
    before = _block.cache_info()
    sobol_points(ENCODING, SEED, Taken(trials), 1)
    after = _block.cache_info()
    assert after.hits + after.misses - before.hits - before.misses <= 2


def test_an_outcome_leaves_the_line_and_another_point_begins_a_new_one() -> None:
    first = Trials({1: trial(1, FIRST[0])})
    assert first.changed({1: first[1].model_copy(update={"parked": True})}).line is first.line
    assert first.changed({1: trial(1, FIRST[1])}).line is not first.line


def test_of_two_continuations_of_the_same_trials_one_begins_a_new_line() -> None:
    first = Trials({1: trial(1, FIRST[0])})
    one, other = (first.changed({2: trial(2, point)}) for point in FIRST[1:3])
    assert one.line is first.line
    assert other.line is not first.line
