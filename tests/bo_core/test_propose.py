import pytest
from told_campaigns import (
    MIXED,
    MODEL,
    QUICK,
    add,
    bowl,
    campaign_of,
    cube,
    defined,
    distance,
    failed,
    history_of,
    key,
    observed,
    proposed,
    some_points,
    told,
)

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, SobolProposer
from overnight.campaign import History, Point
from overnight.campaign.errors import SpaceExhausted


def test_the_baseline_comes_first_then_the_points_to_start_with_then_a_sobol_start() -> None:
    start = [{"x0": 0.1, "x1": 0.2}, {"x0": 0.3, "x1": 0.4}]
    campaign = campaign_of(cube(2), baseline={"x0": 0.5, "x1": 0.5}, start_with=start)
    proposals = propose(campaign, History(), MODEL, 5)
    assert [p.generator for p in proposals] == ["baseline", "manual", "manual", "sobol", "sobol"]
    assert [p.point for p in proposals[:3]] == [{"x0": 0.5, "x1": 0.5}, *start]


def test_a_point_that_is_asked_for_twice_is_proposed_once() -> None:
    baseline, other = {"x0": 0.5, "x1": 0.5}, {"x0": 0.1, "x1": 0.2}
    campaign = campaign_of(cube(2), baseline=baseline, start_with=[other, baseline, other])
    proposals = propose(campaign, History(), MODEL, 4)
    assert [p.generator for p in proposals] == ["baseline", "manual", "sobol", "sobol"]


def test_what_is_asked_for_comes_one_by_one_as_it_comes_in_a_batch() -> None:
    campaign = campaign_of(MIXED, start_with=some_points(campaign_of(MIXED), 2, seed=5))
    history = History.from_events([defined(campaign)])
    batch = propose(campaign, history, QUICK, 6)
    one_by_one = []
    for _ in range(6):
        one_by_one += propose(campaign, history, QUICK, 1)
        history = add(history, one_by_one[-1:])
    assert [p.point for p in one_by_one] == [p.point for p in batch]


def test_the_sobol_start_does_not_depend_on_results() -> None:
    campaign = campaign_of(cube(2))
    first = propose(campaign, History(), QUICK, 3)
    history = add(History.from_events([defined(campaign)]), first)
    good, bad = (history.extended([observed(1, value), failed(2)]) for value in (0.0, 1e9))
    assert propose(campaign, good, QUICK, 1) == propose(campaign, bad, QUICK, 1) == propose(campaign, history, QUICK, 1)


def test_another_seed_gives_other_sobol_points() -> None:
    starts = [propose(campaign_of(cube(2), seed=seed), History(), QUICK, 3) for seed in range(4)]
    assert len({key(p.point) for start in starts for p in start}) == 12


def test_the_model_takes_over_after_the_initial_points_and_needs_two_observations() -> None:
    campaign = campaign_of(cube(2))
    proposer = QUICK.model_copy(update={"initial": 4})
    points = some_points(campaign, 4)
    waiting = history_of(campaign, points[:1], [1.0], pending=points[1:])
    ready = history_of(campaign, points[:2], [1.0, 2.0], pending=points[2:])
    early = history_of(campaign, points[:2], [1.0, 2.0], pending=points[2:3])
    assert [p.generator for p in propose(campaign, waiting, proposer, 1)] == ["sobol"]
    assert [p.generator for p in propose(campaign, ready, proposer, 1)] == ["model"]
    assert [p.generator for p in propose(campaign, early, proposer, 3)] == ["sobol", "model", "model"]


def test_no_points_are_proposed_when_none_are_asked_for() -> None:
    assert propose(campaign_of(cube(2)), History(), QUICK, 0) == []


@pytest.mark.parametrize("proposer", [MODEL, SobolProposer()])
def test_a_small_space_is_tried_to_exhaustion_without_a_point_twice(proposer: BayesianProposer | SobolProposer) -> None:
    parameters = {name: MIXED[name] for name in ("depth", "method", "epochs")} | {
        "order": {"kind": "ordinal", "choices": [1, 2]}
    }
    campaign = campaign_of(parameters, baseline={"depth": 2, "method": "sgd", "order": 1})
    history, seen = History.from_events([defined(campaign)]), []
    while len(history.trials) < 18:
        proposals = propose(campaign, history, proposer, 4)
        seen += [key(p.point) for p in proposals]
        trial, history = history.next_trial, add(history, proposals)
        # Of each four, one fails, one stays pending and two are observed.
        history = history.extended([failed(trial), observed(trial + 1, 0.1 * trial)])
        history = history.extended([observed(trial + 2, -0.3 * trial)] if trial + 2 in history.trials else [])
    assert len(seen) == len(set(seen)) == 18
    with pytest.raises(SpaceExhausted, match="Widen the space"):
        propose(campaign, history, proposer, 1)


def test_a_batch_holds_distinct_new_points_of_the_right_types() -> None:
    campaign = campaign_of(MIXED)
    history = told(campaign, 10, pending=3)
    batch = [p.point for p in propose(campaign, history, MODEL, 4)]
    known = {key(t.point) for t in history.trials.values()}
    assert len({key(point) for point in batch} - known) == 4
    for point in batch:
        assert campaign.space.point(point) == point
        assert [type(point[name]) for name in ("rate", "width", "depth", "batch", "epochs")] == [
            float,
            int,
            int,
            int,
            int,
        ]
        assert point["method"] in ("adam", "sgd", True)
        assert point["epochs"] == 20


def test_a_point_is_known_in_whatever_order_its_names_were_written() -> None:
    campaign = campaign_of({"a": {"kind": "int", "low": 0, "high": 1}, "b": {"kind": "int", "low": 0, "high": 1}})
    trials: list[Point] = [{"b": 0, "a": 0}, {"b": 1, "a": 0}, {"b": 0, "a": 1}]
    history = History.from_events([defined(campaign), *(proposed(i, p) for i, p in enumerate(trials, start=1))])
    assert [p.point for p in propose(campaign, history, QUICK, 1)] == [{"a": 1, "b": 1}]


def test_maximising_a_metric_is_minimising_its_negative() -> None:
    less, more = campaign_of(cube(3)), campaign_of(cube(3), maximize="gain")
    points = some_points(less, 10)
    minimised = propose(less, history_of(less, points, [bowl(p) for p in points]), MODEL, 2)
    maximised = propose(more, history_of(more, points, [-bowl(p) for p in points]), MODEL, 2)
    assert [p.point for p in minimised] == [p.point for p in maximised]
    for a, b in zip(minimised, maximised, strict=True):
        assert a.provenance is not None
        assert b.provenance is not None
        assert a.provenance.predicted["loss"].mean == pytest.approx(-b.provenance.predicted["gain"].mean)


def test_the_model_finds_the_bottom_of_a_bowl() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 20, noise=0.0)
    [proposal] = propose(campaign, history, MODEL, 1)
    assert distance(proposal.point, {"x0": 0.3, "x1": 0.3}) < 0.1
