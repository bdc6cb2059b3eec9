"""The improbable rule, compared with results that are drawn from what it expects."""

from datetime import UTC, datetime

import numpy as np
import pytest

from overnight.campaign import Campaign, Goal, History, Measurement, Objective
from overnight.campaign.goal.constraint import read_constraint
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    MeasurementReported,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.provenance import Provenance
from overnight.flows.rules.early_stopping import decision
from overnight.flows.rules.improbable import PredictedEnd, Prospect

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIZE = Objective(metric="size", direction="minimize")
SPEED = Objective(metric="speed", direction="maximize")
HEAT = Objective(metric="heat", direction="minimize")


def drawn(goal: Goal, ends: dict[str, PredictedEnd], front, count: int = 200_000) -> float:
    """Return the share of draws that meet the constraints and that no point of the front dominates."""
    random = np.random.default_rng(0)
    draws = {name: end.mean + end.sd * random.standard_t(end.freedom, count) for name, end in ends.items()}
    kept = np.ones(count, dtype=bool)
    for constraint in goal.constraints:
        low, high = goal.limits(constraint.metric)
        value = goal.wanted(constraint.metric).turned(1.0) * draws[constraint.metric]
        kept &= (low <= value) & (value <= high)
    for point in front:
        worse = [draws[each.metric] < at for each, at in zip(goal.objectives, point, strict=True)]
        kept &= ~np.logical_and.reduce(worse)
    return float(kept.mean())


@pytest.mark.parametrize("objectives", [(SIZE,), (SIZE, SPEED), (SIZE, SPEED, HEAT)], ids=len)
@pytest.mark.parametrize("limits", [(), ("size <= 3", "power <= 1"), ("1 <= speed <= 2.5", "size >= -1", "power >= 0")])
def test_the_probability_is_the_share_of_drawn_results_that_are_feasible_and_not_dominated(objectives, limits):
    known = {each.metric for each in objectives} | {"power"}
    constraints = tuple(each for each in map(read_constraint, limits) if each.metric in known)
    goal, random = Goal(objectives, constraints), np.random.default_rng(len(objectives))
    spread = {"size": (-2.0, 1.5), "speed": (2.0, 1.0), "heat": (-1.0, 2.0), "power": (0.5, 1.0)}
    spread["power"] = (-0.5, 1.0) if "power <= 1" in limits else spread["power"]
    ends = {name: PredictedEnd(*spread[name], freedom=4) for name in goal.metrics}
    front = [tuple(random.normal([spread[each.metric][0] for each in objectives])) for _ in range(5)]
    assert Prospect(ends, 6).probability(goal, front) == pytest.approx(drawn(goal, ends, front), abs=5e-3)


def test_an_end_that_is_known_for_sure_is_judged_for_sure():
    goal = Goal((SIZE, SPEED), (read_constraint("size <= 3"),))

    def judged(size: float, speed: float) -> float:
        return Prospect({"size": PredictedEnd(-size, 0.0, 3), "speed": PredictedEnd(speed, 0.0, 3)}, 5).probability(
            goal, [(-2.0, 5.0)]
        )

    assert [judged(2.5, 6), judged(1, 4), judged(2.5, 4), judged(3.5, 6), judged(3, 6)] == [1, 1, 0, 0, 1]


def test_an_end_that_is_known_to_lie_on_a_limit_meets_it():
    on_upper = Goal((SIZE,), tuple(map(read_constraint, ["0 <= power <= 1", "size >= 0.5"])))
    ends = {"size": PredictedEnd(-0.5, 0.0, 3), "power": PredictedEnd(1.0, 0.0, 3)}
    assert Prospect(ends, 5).probability(on_upper, [(-0.7,)]) == 1.0
    on_lower = {"size": PredictedEnd(-0.5, 0.0, 3), "power": PredictedEnd(0.0, 0.0, 3)}
    assert Prospect(on_lower, 5).probability(on_upper, [(-0.7,)]) == 1.0


def campaign(**more) -> Campaign:
    written = {
        "name": "curves",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "objectives": [{"minimize": "size"}, {"maximize": "speed"}],
        "stop_early": {"rule": "improbable", "after_trials": 4},
        "budget": {"trials": 30},
    }
    return Campaign.model_validate(written | more)


def told(definition: Campaign, finished, running) -> History:
    """Return a history in which trials ended with results after one report, and one has reported."""
    about = {"time": NOW, "actor": "controller"}
    events = [CampaignDefined(**about, definition=definition, settings={}, uid="u")]
    rows = [*finished, (running, None)]
    for number, (early, final) in enumerate(rows, start=1):
        trial = {**about, "trial": number}
        events += [
            TrialProposed(**trial, point={"x": number / 40}, generator="sobol"),
            AttemptStarted(**trial, attempt=1, key=str(number)),
            MeasurementReported(**trial, attempt=1, step=1, metrics=means(early)),
        ]
        if final is not None:
            events.append(TrialObserved(**trial, attempt=1, metrics=means(final), seconds=1.0))
    return History.from_events(events)


def means(values):
    return {name: Measurement(mean=value) for name, value in values.items()}


def row(size: float, speed: float):
    jitter = 0.05 * (((size * 7.3 + speed * 3.9) % 1) - 0.5)
    return {"size": size + 1 + jitter, "speed": speed - 1 - jitter}, {"size": size, "speed": speed}


FINISHED = [row(1, 1), row(2, 3), row(3, 4), row(4, 3), row(5, 2)]


def test_a_trial_is_stopped_if_its_curves_lead_far_behind_the_front():
    found = decision(told(campaign(), FINISHED, row(5, 1)[0]), 6, 1)
    assert found is not None
    assert 0 < found.value < found.threshold == 0.05
    assert found.why.startswith("at step 1 the probability that its result would be on the front was ")
    assert found.why.endswith(", less than 0.05, judged by 5 results (improbable rule)")


@pytest.mark.parametrize("ends", [(0.5, 1), (2.5, 3.5), (3, 6)], ids=["smallest", "between", "fastest"])
def test_a_trial_whose_curves_lead_to_the_front_continues_even_if_one_metric_is_the_worst_of_all(ends):
    assert decision(told(campaign(), FINISHED, row(*ends)[0]), 6, 1) is None


def test_a_metric_that_is_not_reported_is_expected_to_be_like_the_results():
    silent = {"size": row(5, 1)[0]["size"]}
    assert decision(told(campaign(), FINISHED, silent), 6, 1) is None
    sure = campaign(stop_early={"rule": "improbable", "after_trials": 4, "below": 0.5})
    assert decision(told(sure, FINISHED, silent), 6, 1) is not None


def test_a_limited_calculation_is_predicted_from_the_reports_of_its_parts():
    alone = campaign(objectives=[], minimize="size", stop_early={"rule": "improbable", "below": 0.2})
    limited = campaign(
        objectives=[],
        minimize="size",
        constraints=["speed - size >= 0"],
        stop_early={"rule": "improbable", "below": 0.2},
    )
    finished = [(early, final | {"speed - size": final["speed"] - final["size"]}) for early, final in FINISHED]
    slow = row(0.5, -4)[0]
    assert decision(told(alone, finished, slow), 6, 1) is None
    assert decision(told(limited, finished, slow), 6, 1) is not None


def test_a_glitch_that_the_latest_model_doubted_is_no_result_to_compare_with():
    alone = campaign(objectives=[], minimize="size", stop_early={"rule": "improbable", "below": 0.2})
    glitch = ({"size": 3.0}, {"size": -9.0})
    history = told(alone, [*FINISHED, glitch], row(1, 2.5)[0])
    assert decision(history, 7, 1) is not None
    models = {"metrics": {"size": {"hyperparameters": {}, "suspects": [6]}}}
    provenance = Provenance.model_validate({"made_by": {"seed": 1}, "models": models})
    events = [TrialProposed(time=NOW, actor="c", trial=8, point={"x": 0.9}, generator="model", provenance=provenance)]
    assert decision(history.extended(events), 7, 1) is None


def test_no_trial_is_stopped_before_enough_results_or_before_the_first_feasible_one():
    late = row(5, 1)[0]
    assert decision(told(campaign(), FINISHED[:3], late), 4, 1) is None
    assert decision(told(campaign(stop_early={"rule": "improbable", "after_trials": 6}), FINISHED, late), 6, 1) is None
    assert decision(told(campaign(constraints=["size <= 0.5"]), FINISHED, late), 6, 1) is None


def test_with_one_objective_a_trial_is_stopped_if_it_will_hardly_be_feasible_and_the_best():
    alone = {"objectives": [], "minimize": "size", "constraints": ["speed >= 2"]}
    best = decision(told(campaign(**alone), FINISHED, row(1, 2.5)[0]), 6, 1)
    infeasible = decision(told(campaign(**alone), FINISHED, row(1, 0)[0]), 6, 1)
    worse = decision(told(campaign(**alone), FINISHED, row(4, 4)[0]), 6, 1)
    assert best is None
    assert infeasible is not None
    assert worse is not None
    assert "the probability that its result would be feasible and the best was" in worse.why
