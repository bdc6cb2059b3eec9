"""Campaigns with a target: the model learns the metric, and everything that is computed is about the distance."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest
import torch
from told_campaigns import (
    AVERAGED,
    MODEL,
    NOON,
    attempt,
    bowl,
    cube,
    defined,
    failed,
    key,
    proposed,
    provenance_of,
    some_points,
)

from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import Observed
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, PendingTreatment
from overnight.bo_core.recommend import recommend
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.suspects import suspects_among
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import Event, MeasurementReported, TrialObserved, TrialStopped

TARGET = {"target": {"metric": "gain", "value": 0.4}}
DISTANCE = "abs(gain - 0.4)"
FINITE = {"a": {"kind": "int", "low": 1, "high": 4}, "b": {"kind": "int", "low": 1, "high": 6}}
Metric = Callable[[Point], float]


def aiming(parameters: Mapping[str, Any] | None = None, **more: Any) -> Campaign:
    goal = more if more.keys() & {"minimize", "objectives"} else {**TARGET, **more}
    return Campaign.model_validate(
        {"name": "amplifier", "parameters": parameters or cube(2), "budget": {"trials": 100}, **goal}
    )


def results(campaign: Campaign, trial: int, gain: float, **others: float) -> TrialObserved:
    values = {"gain": gain, **others, DISTANCE: abs(gain - 0.4)}
    metrics = {name: Measurement(mean=value) for name, value in values.items()}
    return TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=metrics)


def hill(point: Point) -> float:
    """Return a gain between 0 and 1, which is 0.4 on a circle around the point (0.3, 0.3)."""
    return math.exp(-4.0 * bowl(point))


def life(campaign: Campaign, count: int, noise: float = 0.0, gain: Metric = hill, seed: int = 3) -> History:
    """Return a history of `count` results, a failure and two pending trials."""
    noisy, events = random.Random(seed), list[Event]([defined(campaign)])
    for trial, point in enumerate(some_points(campaign, count + 3), start=1):
        events.append(proposed(trial, point))
        if trial <= count:
            events.append(results(campaign, trial, gain(point) + noise * noisy.gauss(0, 1), power=float(trial)))
    return History.from_events([*events, failed(count + 1)])


def observed_in(campaign: Campaign, history: History) -> Observed:
    encoding = Encoding(campaign.space)
    found = Situation.of(campaign, history.model_view(), encoding, learn_noise=True, hamming=False)
    return found.observed[campaign.objective.metric]


def tuned(campaign: Campaign, trials: int, gain: Metric = hill, proposer: BayesianProposer = MODEL) -> History:
    history = History.from_events([defined(campaign)])
    for trial in range(1, trials + 1):
        [proposal] = propose(campaign, history, proposer, 1)
        about = (proposal.point, proposal.generator, proposal.provenance)
        history = history.extended([proposed(trial, *about), results(campaign, trial, gain(proposal.point))])
    return history


@pytest.mark.parametrize("d", [2, 3])
def test_a_short_campaign_ends_on_the_target_where_a_model_of_the_distance_ends_near_it(d: int):
    ends = list[float]()
    for goal in (TARGET, {"minimize": DISTANCE}):
        campaign = aiming(cube(d), noise="none", **goal)
        found = recommend(campaign, tuned(campaign, 14), MODEL)
        assert found is not None
        ends.append(abs(hill(found.point) - 0.4))
    assert ends[0] < 1e-4 < ends[1]


def test_the_model_learns_the_metric_and_the_distance_is_maximized_towards_0():
    campaign = aiming()
    found = observed_in(campaign, life(campaign, 12))
    outcomes = found.outcomes
    assert found.target is not None
    assert [each.mean for each in found.measured] == [hill(trial.point) for trial in found.trials]
    at = [outcomes.metric_in_units(y) for y in outcomes.y.tolist()]
    assert at == pytest.approx([each.mean for each in found.measured])
    distances = [outcomes.mean_in_units(z) for z in outcomes.worth(outcomes.y).tolist()]
    assert distances == pytest.approx([abs(each.mean - 0.4) for each in found.measured])


def test_a_calculation_that_is_minimized_is_learnt_as_ever_although_it_is_a_distance():
    campaign = aiming(minimize=DISTANCE)
    found = observed_in(campaign, life(campaign, 12))
    assert found.target is None
    assert [each.mean for each in found.measured] == [abs(hill(trial.point) - 0.4) for trial in found.trials]


@pytest.mark.parametrize(
    "more",
    [
        {"objectives": [TARGET, {"minimize": "power"}]},
        {"constraints": [f"{DISTANCE} <= 0.3"]},
        {"fidelity": {"x1": {"low": 0.1, "high": 1.0}}, "parameters": cube(1), "budget": {"trials": 50, "cost": 20}},
        {"context": {"site": ["north", "south"]}},
    ],
    ids=["several objectives", "a limit of the distance", "fidelities", "contexts"],
)
def test_where_values_of_the_objective_are_compared_or_moved_the_distance_is_learnt(more: dict[str, Any]):
    campaign = aiming(**more)
    if campaign.contexts:
        campaign = campaign.within(campaign.contexts[0])
    assert observed_in(campaign, life(campaign, 12)).target is None


def test_if_a_result_holds_the_distance_alone_the_distance_is_learnt():
    campaign = aiming()
    history = life(campaign, 12)
    [point] = some_points(campaign, 1, seed=9)
    alone = {DISTANCE: Measurement(mean=0.2)}
    last = TrialObserved(time=NOON, actor="test", trial=16, attempt=1, metrics=alone)
    assert observed_in(campaign, history.extended([proposed(16, point), last])).target is None


def test_the_metric_of_a_target_may_be_calculated_from_those_that_are_reported():
    campaign = aiming(target={"metric": "output - input", "value": 2})
    metrics = {"output": Measurement(mean=7.0), "input": Measurement(mean=3.0)}
    metrics[campaign.objective.metric] = Measurement(mean=2.0)
    [point] = some_points(campaign, 1)
    result = TrialObserved(time=NOON, actor="test", trial=1, attempt=1, metrics=metrics)
    found = observed_in(campaign, History.from_events([defined(campaign), proposed(1, point), result]))
    assert [each.mean for each in found.measured] == [4.0]


def test_a_proposal_predicts_the_distance_and_the_metric():
    campaign = aiming()
    [proposal] = propose(campaign, life(campaign, 12, 0.02), MODEL, 1)
    predicted = provenance_of(proposal).predicted
    distance, gain = predicted[DISTANCE], predicted["gain"]
    assert 0.0 <= (distance.low or 0.0) < distance.mean < (distance.high or 0.0)
    # E (g − t)² is the same by both.
    of_distance, of_gain = (
        math.hypot(*part) for part in ((distance.mean, distance.sd or 0.0), (gain.mean - 0.4, gain.sd or 0.0))
    )
    assert of_distance == pytest.approx(of_gain, rel=1e-6)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_recommended_point_has_the_least_expected_distance_of_those_measured(noise: float):
    campaign = aiming(noise="infer" if noise else "none")
    history = life(campaign, 20, noise)
    found = recommend(campaign, history, MODEL, anywhere=False)
    assert found is not None
    assert set(found.predicted) == {DISTANCE, "gain"}
    assert abs(hill(found.point) - 0.4) < 0.15
    low, high = found.predicted[DISTANCE].low, found.predicted[DISTANCE].high
    assert low is not None
    assert high is not None
    assert 0.0 <= low <= found.predicted[DISTANCE].mean <= high
    if not noise:
        observed = [trial for trial in history.trials.values() if trial.measured]
        closest = min(observed, key=lambda trial: trial.measured[DISTANCE].mean)
        assert found.trial == closest.id
        assert found.predicted[DISTANCE].mean == pytest.approx(closest.measured[DISTANCE].mean, abs=5e-3)
        assert found.probability_best == 1.0


def test_with_constraints_the_recommended_point_is_feasible_and_near_the_target():
    campaign = aiming(constraints=["load <= 0.5"])
    points, events = some_points(campaign, 24), list[Event]([defined(campaign)])
    for trial, point in enumerate(points, start=1):
        events += [proposed(trial, point), results(campaign, trial, hill(point), load=float(point["x0"]))]
    history = History.from_events(events)
    batch = propose(campaign, history, MODEL, 2)
    found = recommend(campaign, history, MODEL)
    assert found is not None
    assert float(found.point["x0"]) <= 0.5
    assert abs(hill(found.point) - 0.4) < 0.03
    assert all(float(proposal.point["x0"]) <= 0.55 for proposal in batch)


@pytest.mark.parametrize("value", [2.0, -1.0])
def test_a_target_out_of_reach_is_approached_as_by_maximizing_or_minimizing(value: float):
    campaign = aiming(target={"metric": "gain", "value": value}, noise="none")
    history, events = some_points(campaign, 12), list[Event]([defined(campaign)])
    for trial, point in enumerate(history, start=1):
        gain = {name: Measurement(mean=hill(point)) for name in ("gain",)}
        distance = {campaign.objective.metric: Measurement(mean=abs(hill(point) - value))}
        observed = TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics={**gain, **distance})
        events += [proposed(trial, point), observed]
    found = recommend(campaign, History.from_events(events), MODEL, anywhere=False)
    assert found is not None
    best = (max if value > 0 else min)(history, key=hill)
    assert key(found.point) == key(best)


def test_the_same_history_gives_the_same_batch_of_different_points():
    campaign = aiming()
    history = life(campaign, 12, 0.02)
    first, again = (propose(campaign, history, AVERAGED, 4) for _ in range(2))
    assert [proposal.point for proposal in first] == [proposal.point for proposal in again]
    assert len({key(proposal.point) for proposal in first}) == 4


def settings() -> list[Any]:
    of_acquisitions = [MODEL.model_copy(update={"acquisition": each}) for each in ACQUISITIONS]
    of_pending = [MODEL.model_copy(update={"pending": each}) for each in get_args(PendingTreatment)]
    names = [*ACQUISITIONS, *get_args(PendingTreatment), "averaged"]
    return [
        pytest.param(each, id=name) for each, name in zip([*of_acquisitions, *of_pending, AVERAGED], names, strict=True)
    ]


@pytest.mark.parametrize("proposer", settings())
def test_every_point_of_a_batch_is_appraised_as_it_was_when_it_was_proposed(proposer: BayesianProposer):
    campaign = aiming()
    history = life(campaign, 10, 0.02)
    batch = propose(campaign, history, proposer, 2)
    found = appraise(Asked(campaign, history, proposer, Encoding(campaign.space), [], 2), batch)
    assert [each.objections for each in found] == [[], []]
    assert all(each.apart < 1e-9 for each in found)


def test_a_noisy_point_near_the_target_is_measured_again_in_a_small_space():
    def gain(point: Point) -> float:
        return 0.1 * float(point["a"]) + 0.05 * float(point["b"])

    campaign = aiming(FINITE)
    proposer = MODEL.model_copy(update={"replication": "always"})
    history = life(campaign, 9, 0.05, gain)
    batch = propose(campaign, history, proposer, 3)
    again = [each for each in batch if provenance_of(each).chosen.acquisition == "replication"]
    assert again
    assert all(abs(gain(each.point) - 0.4) < 0.16 for each in again)
    found = appraise(Asked(campaign, history, proposer, Encoding(campaign.space), [], 3), batch)
    assert [each.objections for each in found] == [[]] * 3


def test_glitches_of_the_metric_are_suspects_and_a_clean_metric_is_believed():
    campaign, doubt = aiming(), BayesianProposer(outliers="doubt")
    for glitches in ({}, {5: 3.0, 18: -3.0}):
        points, rng, events = some_points(campaign, 30), random.Random(2), list[Event]([defined(campaign)])
        for trial, point in enumerate(points, start=1):
            gain = hill(point) + 0.02 * rng.gauss(0, 1) + glitches.get(trial, 0.0)
            events += [proposed(trial, point), results(campaign, trial, gain)]
        found = suspects_among(observed_in(campaign, History.from_events(events)), 30, doubt, None)
        assert {suspect.trial for suspect in found} == set(glitches)
        assert all(suspect.off < 0.0 for suspect in found)


def test_the_wanted_value_and_the_tail_on_both_sides_survive_a_change_of_units():
    campaign = aiming()
    observed = observed_in(
        campaign, life(campaign, 16, gain=lambda point: 0.4 + math.sinh(9.0 * float(point["x0"]) - 4.5))
    )
    assert observed.outcomes.tail is not None
    for width in (1.0, 4.0, None):
        outcomes = observed.with_tail_width(width).outcomes
        y, slopes = outcomes.placed([each.mean for each in observed.measured])
        torch.testing.assert_close(y, outcomes.y)
        torch.testing.assert_close(slopes, outcomes.log_slopes)
        assert outcomes.wanted is not None
        assert outcomes.metric_in_units(outcomes.wanted.at) == pytest.approx(0.4, abs=1e-12)
        found = [outcomes.metric_in_units(each) for each in outcomes.y.tolist()]
        assert found == pytest.approx([each.mean for each in observed.measured])


def test_the_end_of_a_stopped_trial_is_estimated_of_the_metric():
    campaign = aiming(stop_early={"rule": "median"})
    points, events = some_points(campaign, 7), list[Event]([defined(campaign)])
    about = {"time": NOON, "actor": "controller", "attempt": 1}
    for trial, point in enumerate(points, start=1):
        early = {"gain": Measurement(mean=2.0 * hill(point) + 1.0)}
        events += [proposed(trial, point), attempt(trial)]
        events.append(MeasurementReported(**about, trial=trial, step=1, metrics=early))
        if trial < 7:
            events.append(results(campaign, trial, hill(point)))
    why = {"rule": "median", "metric": DISTANCE, "step": 1, "value": 1.0, "threshold": 0.5, "why": "it fell behind"}
    stopped = TrialStopped.model_validate({**about, "trial": 7, **why})
    found = observed_in(campaign, History.from_events([*events, stopped]))
    assert [trial.id for trial in found.trials] == [1, 2, 3, 4, 5, 6, 7]
    assert found.measured[-1].mean == pytest.approx(hill(points[-1]))
