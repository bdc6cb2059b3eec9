"""Campaigns with contexts: each proposal is for one of them and learns from all, and each has a recommendation."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st
from told_campaigns import MODEL, NOON, QUICK, add, attempt, campaign_of, cube, defined, history_of, observed, proposed

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import SobolProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.errors import CannotPropose, Refused
from overnight.campaign.history.events import CampaignRevised, TrialObserved

SITES = {"site": ["a", "b"]}
BEST = {"a": 0.3, "b": 0.35}
CAMPAIGN = campaign_of(cube(2), context=SITES, noise="none")


def loss(point: Point) -> float:
    """Return a loss that is a hundred times as large in context b, and has its least value close by."""
    best, factor = BEST[str(point["site"])], 100.0 if point["site"] == "b" else 1.0
    return factor * (1.0 + sum((float(point[name]) - best) ** 2 for name in ("x0", "x1")))


def measured(history: History, points: Sequence[Point]) -> History:
    """Return the history after these points were tried."""
    for point in points:
        number = history.next_trial
        history = history.extended([proposed(number, point), attempt(number), observed(number, loss(point))])
    return history


def spread(campaign: Campaign, count: int) -> list[Point]:
    """Return points of the campaign's spread start."""
    return [proposal.point for proposal in propose(campaign, History(), SobolProposer(), count)]


def points_of(proposals: Sequence[Proposal]) -> list[Point]:
    return [proposal.point for proposal in proposals]


def run(campaign: Campaign, trials: int, proposer: Any = MODEL) -> History:
    history = History.from_events([defined(campaign)])
    for _ in range(trials):
        number, [proposal] = history.next_trial, propose(campaign, history, proposer, 1)
        new = proposed(number, proposal.point, proposal.generator, proposal.provenance)
        history = history.extended([new, attempt(number), observed(number, loss(proposal.point))])
    return history


def test_a_proposal_for_a_context_is_that_of_a_space_in_which_its_value_is_fixed():
    in_a = [point for point in spread(CAMPAIGN, 12) if point["site"] == "a"]
    parameters = {"site": {"kind": "categorical", "choices": ["a", "b"]}, **cube(2)}
    fixed = campaign_of(parameters, noise="none", fix={"site": "a"})
    of_context = propose(CAMPAIGN, history_of(CAMPAIGN, in_a, [*map(loss, in_a)]), MODEL, 2, {"site": "a"})
    of_space = propose(fixed, history_of(fixed, in_a, [*map(loss, in_a)]), MODEL, 2)
    assert [proposal.model_dump() for proposal in of_context] == [proposal.model_dump() for proposal in of_space]


def test_a_model_of_one_context_learns_from_the_other_although_their_levels_differ():
    in_b = [point | {"site": "b"} for point in spread(CAMPAIGN, 40)]
    shared = spread(CAMPAIGN, 6)
    known = measured(measured(History.from_events([defined(CAMPAIGN)]), in_b), shared)
    alone = measured(History.from_events([defined(CAMPAIGN)]), [p for p in shared if p["site"] == "a"])

    def off(history: History) -> float:
        [proposal] = propose(
            CAMPAIGN, history, MODEL.model_copy(update={"acquisition": "simple_regret"}), 1, {"site": "a"}
        )
        return max(abs(float(proposal.point[name]) - BEST["a"]) for name in ("x0", "x1"))

    assert off(known) < 0.1 < off(alone)


def test_contexts_take_turns_and_begin_with_the_same_configurations():
    campaign = campaign_of(cube(2), context=SITES, noise="none", baseline={"x0": 0.9, "x1": 0.9})
    history = run(campaign, 10)
    by_site = {site: [t for t in history.trials.values() if t.point["site"] == site] for site in "ab"}
    assert [t.point["site"] for t in history.trials.values()] == [*"ab" * 5]
    generators = {site: [t.proposal.generator for t in trials] for site, trials in by_site.items()}
    assert generators["a"] == generators["b"] == ["baseline", "sobol", "model", "model", "model"]
    begun = [[{n: v for n, v in t.point.items() if n != "site"} for t in by_site[site][:2]] for site in "ab"]
    assert begun[0] == begun[1]


@settings(max_examples=8, deadline=None)
@for_any(st.integers(0, 5), st.integers(1, 4), st.sampled_from([None, "a", "b"]))
def test_every_proposal_is_in_its_context_and_the_same_again(count, q, asked):
    history = measured(History.from_events([defined(CAMPAIGN)]), spread(CAMPAIGN, count))
    context = None if asked is None else {"site": asked}
    made = propose(CAMPAIGN, history, MODEL, q, context)
    assert [each.model_dump() for each in made] == [
        each.model_dump() for each in propose(CAMPAIGN, history, MODEL, q, context)
    ]
    sites = Counter(str(point["site"]) for point in points_of(made))
    assert sum(sites.values()) == q
    if asked is not None:
        assert set(sites) == {asked}
    elif count % 2 == 0:
        assert abs(sites["a"] - sites["b"]) <= 1
    assert all(CAMPAIGN.space.problems(point) == [] for point in points_of(made))
    assert add(history, made).trials.last == count + q


def test_each_context_is_recommended_its_own_best_point():
    points = spread(CAMPAIGN, 24)
    history = history_of(CAMPAIGN, points, [*map(loss, points)])
    found = recommend(CAMPAIGN, history, QUICK, anywhere=False)
    assert found is not None
    for given in CAMPAIGN.contexts:
        here = [point for point in points if point["site"] == given["site"]]
        made = found.in_context(given)
        assert made is not None
        assert made.point == min(here, key=loss)
        assert made.mean == pytest.approx(loss(made.point), rel=1e-3)
    assert found.point == found.contexts[0].recommendation.point
    assert found.in_context(site="c") is None


def test_a_context_without_a_result_is_not_recommended_anything_yet():
    points = [point for point in spread(CAMPAIGN, 8) if point["site"] == "b"]
    found = recommend(CAMPAIGN, history_of(CAMPAIGN, points, [*map(loss, points)]), QUICK)
    assert found is not None
    assert [each.given for each in found.contexts] == [{"site": "b"}]
    assert recommend(CAMPAIGN, History.from_events([defined(CAMPAIGN)]), QUICK) is None


def test_the_baseline_is_compared_within_the_context():
    campaign = campaign_of(cube(2), context=SITES, noise="none", baseline={"x0": 0.9, "x1": 0.9})
    found = recommend(campaign, run(campaign, 12), QUICK)
    assert found is not None
    for each in found.contexts:
        at = {"x0": 0.9, "x1": 0.9, **each.given}
        assert each.recommendation.baseline_mean == pytest.approx(loss(at), rel=0.02)


def test_limits_beside_the_baseline_are_those_of_the_same_context():
    campaign = campaign_of(
        cube(1), context=SITES, noise="none", baseline={"x0": 0.5}, constraints=["heat <= 1.25 * baseline"]
    )
    history = History.from_events([defined(campaign)])
    for number, (site, x) in enumerate([(site, x) for x in (0.5, 0.1, 0.55, 0.8, 0.95) for site in "ab"], 1):
        # The hotter, the better; a limit that does not know the context would allow every point of a.
        heat = (1.0 + x) * (10.0 if site == "b" else 1.0)
        metrics = {"loss": Measurement(mean=-heat), "heat": Measurement(mean=heat)}
        new = proposed(number, campaign.space.point({"site": site, "x0": x}))
        told = TrialObserved(time=new.time, actor="test", trial=number, attempt=1, metrics=metrics)
        history = history.extended([new, attempt(number), told])
    found = recommend(campaign, history, QUICK, anywhere=False)
    assert found is not None
    assert [each.recommendation.point["x0"] for each in found.contexts] == [0.8, 0.8]
    feasible = [trial.point["x0"] for trial in history.trials.values() if history.goals.feasible(trial)]
    assert Counter(feasible) == {0.5: 2, 0.1: 2, 0.55: 2, 0.8: 2}


def test_each_context_is_confirmed_once_the_budget_comes_to_its_end():
    campaign = campaign_of(cube(2), context=SITES, noise="none", budget={"trials": 20}, confirm="auto")
    history = run(campaign, 20, QUICK)
    last = [history.trials[number] for number in (19, 20)]
    assert [(t.proposal.generator, t.point["site"]) for t in last] == [("confirming", "a"), ("confirming", "b")]
    found = recommend(campaign, history, QUICK)
    assert found is not None
    assert all(each.recommendation.trial is not None for each in found.contexts)


def test_several_objectives_have_a_front_in_each_context():
    campaign = campaign_of(
        cube(1), context=SITES, noise="none", minimize=None, objectives=[{"minimize": "u"}, {"minimize": "v"}]
    )
    history = History.from_events([defined(campaign)])
    for number in range(1, 11):
        [proposal] = propose(campaign, history, MODEL, 1)
        x, level = float(proposal.point["x0"]), 50.0 if proposal.point["site"] == "b" else 0.0
        metrics = {"u": Measurement(mean=level + x**2), "v": Measurement(mean=level + (1 - x) ** 2)}
        new = proposed(number, proposal.point, proposal.generator, proposal.provenance)
        told = TrialObserved(time=new.time, actor="test", trial=number, attempt=1, metrics=metrics)
        history = history.extended([new, attempt(number), told])
    found = recommend(campaign, history, MODEL)
    assert found is not None
    for each in found.contexts:
        fronts = {point.trial for point in each.recommendation.front}
        assert fronts
        assert {history.trials[trial].point["site"] for trial in fronts} == {each.given["site"]}
    assert {t.point["site"] for t in history.goals.front(history.trials.values())} == {"a", "b"}


def test_a_context_without_a_new_point_is_passed_over_until_none_is_left():
    campaign = campaign_of({"n": {"kind": "int", "low": 1, "high": 2}}, context=SITES, budget={"trials": 9})
    history = history_of(campaign, [{"n": n, "site": "a"} for n in (1, 2)], [1.0, 2.0])
    made = propose(campaign, history, SobolProposer(), 2)
    assert {point["site"] for point in points_of(made)} == {"b"}
    full = history_of(campaign, [{"n": n, "site": site} for n in (1, 2) for site in "ab"], [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(CannotPropose):
        propose(campaign, full, SobolProposer(), 1)


def test_a_context_that_the_campaign_has_not_is_refused():
    with pytest.raises(Refused, match=r"expected one of its contexts \(site = a; site = b\), got site = c"):
        propose(CAMPAIGN, History.from_events([defined(CAMPAIGN)]), MODEL, 1, {"site": "c"})


def test_a_parameter_that_only_one_context_has_is_proposed_in_that_context_only():
    parameters = cube(2) | {"depth": {"kind": "int", "low": 1, "high": 5, "when": {"site": "b"}}}
    campaign = campaign_of(parameters, context=SITES, noise="none")
    history = run(campaign, 8)
    assert [trial.proposal.generator for trial in history.trials.values()][-2:] == ["model", "model"]
    assert all(("depth" in trial.point) == (trial.point["site"] == "b") for trial in history.trials.values())
    found = recommend(campaign, history, MODEL)
    assert found is not None
    assert ["depth" in each.recommendation.point for each in found.contexts] == [False, True]


def test_a_context_that_is_added_while_the_campaign_runs_catches_up():
    history = run(CAMPAIGN, 6)
    more = campaign_of(cube(2), context={"site": ["a", "b", "c"]}, noise="none")
    history = history.extended([CampaignRevised(time=NOON, actor="ada", revision=1, definition=more)])
    made = propose(more, history, MODEL, 4)
    assert [point["site"] for point in points_of(made)] == ["c", "c", "c", "a"]
    begun = [{name: value for name, value in point.items() if name != "site"} for point in points_of(made)[:2]]
    first = [{name: value for name, value in t.point.items() if name != "site"} for t in history.trials.values()]
    assert begun == first[0:4:2]


def test_a_campaign_tries_a_context_only_if_the_run_is_for_it():
    only = CAMPAIGN.model_copy(update={"fix": {"site": "b"}})
    assert {trial.point["site"] for trial in run(only, 5).trials.values()} == {"b"}
