"""Campaigns with several objectives: the points that are proposed, their record, and its appraisal."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from told_campaigns import (
    MODEL,
    NOON,
    add,
    attempt,
    campaign_of,
    cube,
    defined,
    distance,
    failed,
    proposed,
    some_points,
)

from overnight.bo_core.acquisition import AverageScore
from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.appraisal.recorded import Contradicted
from overnight.bo_core.choice import Asked, Choice
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.goal.front import hypervolume
from overnight.campaign.history.events import AttemptFailed, Event, TrialObserved
from overnight.campaign.standing.enough import why_enough

Metrics = Mapping[str, float]
TWO = [{"minimize": "loss"}, {"maximize": "speed"}]


def bend(point: Point) -> Metrics:
    """Return a loss and a speed whose front is the line from the origin to (1, 0, …)."""
    x, *others = (float(value) for value in point.values())
    off = sum((value - 0.3) ** 2 for value in others)
    return {"loss": x + off, "speed": 2.0 * math.sqrt(x) - off}


def saw(trial: int, metrics: Metrics) -> TrialObserved:
    measured = {name: Measurement(mean=mean) for name, mean in metrics.items()}
    return TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=measured)


def lost(trial: int, metrics: Metrics) -> AttemptFailed:
    """Return the end of an attempt that measured only some of the objectives."""
    measured = {name: Measurement(mean=mean) for name, mean in metrics.items()}
    end = {"cause": "infeasible", "message": "no", "will_retry": False, "metrics": measured}
    return AttemptFailed.model_validate({"time": NOON, "actor": "test", "trial": trial, "attempt": 1} | end)


def several(d: int = 2, objectives: Any = TWO, **more: Any) -> Campaign:
    return campaign_of(cube(d), minimize=None, objectives=objectives, **{"noise": "none"} | more)


def history_of(campaign: Campaign, seen: Callable[[Point], Metrics], count: int, pending: int = 0) -> History:
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, count + pending), start=1):
        events.append(proposed(i, campaign.space.point(point)))
        if i <= count:
            events.append(saw(i, seen(point)))
    return History.from_events(events)


def run_on(campaign: Campaign, history: History, seen: Callable[[Point], Metrics], trials: int) -> History:
    """Run trials one after the other."""
    for _ in range(trials):
        [proposal] = propose(campaign, history, MODEL, 1)
        trial = history.next_trial
        history = add(history, [proposal]).extended([saw(trial, seen(proposal.point))])
    return history


def choice_of(campaign: Campaign, history: History, q: int = 1, proposer: BayesianProposer = MODEL) -> Choice:
    asked = Asked(campaign, history, proposer, Encoding(campaign.space), (), q)
    generator = torch.Generator().manual_seed(1)
    beliefs = {name: Model.of(seen, proposer, generator) for name, seen in asked.situation.observed.items()}
    return Choice(asked, beliefs, generator, Weighting(), None)


def appraised(campaign: Campaign, history: History, batch: list[Proposal], proposer: BayesianProposer = MODEL) -> Any:
    asked = Asked(campaign, history, proposer, Encoding(campaign.space), (), len(batch))
    return appraise(asked, batch)


def gained(campaign: Campaign, history: History, worst: tuple[float, ...]) -> float:
    return hypervolume([campaign.goal.turned(trial.measured) for trial in history.trials.values()], worst)


def test_the_search_fills_the_front():
    campaign = several(3, [{"minimize": "loss", "worst": 1.5}, {"maximize": "speed", "worst": -0.5}])
    history = run_on(campaign, history_of(campaign, bend, 6), bend, 16)
    # The front is speed = 2 √loss; above (−1.5, −0.5) it has the volume ∫ (2 √x + 0.5) dx + 0.5 · 2.5 = 3.083.
    assert gained(campaign, history, (-1.5, -0.5)) > 2.9
    assert gained(campaign, history_of(campaign, bend, 22), (-1.5, -0.5)) < 2.7


def test_a_proposal_records_everything_that_makes_it_again():
    campaign = several(2)
    history = history_of(campaign, bend, 8, pending=2)
    batch, again = propose(campaign, history, MODEL, 2), propose(campaign, history, MODEL, 2)
    assert batch == again
    assert batch[0].point != batch[1].point
    for proposal in batch:
        made = proposal.provenance
        assert made.chosen.acquisition == "log_noisy_expected_hypervolume_improvement"
        assert made.chosen.worst.keys() == made.predicted.keys() == made.models.metrics.keys() == {"loss", "speed"}
        assert made.chosen.expected_gain > 0.0
        assert (made.chosen.floor, made.chosen.instead_of, made.models.opinions) == (None, None, {})
    assert batch[0].provenance.chosen.expected_gain >= 0.9 * batch[1].provenance.chosen.expected_gain


def test_the_reference_that_is_inferred_lies_beyond_the_front_and_one_that_is_given_is_used():
    history = history_of(several(2), bend, 9)
    values = [bend(trial.point) for trial in history.trials.values()]
    front = [a for a in values if not any(b["loss"] < a["loss"] and b["speed"] > a["speed"] for b in values)]
    [proposal] = propose(several(2), history, MODEL, 1)
    worst = proposal.provenance.chosen.worst
    losses, speeds = [a["loss"] for a in front], [a["speed"] for a in front]
    assert worst["loss"] == pytest.approx(1.1 * max(losses) - 0.1 * min(losses), rel=1e-3)
    assert worst["speed"] == pytest.approx(1.1 * min(speeds) - 0.1 * max(speeds), rel=1e-3)
    given = several(2, [{"minimize": "loss", "worst": 0.9}, {"maximize": "speed"}])
    [proposal] = propose(given, history_of(given, bend, 9), MODEL, 1)
    assert proposal.provenance.chosen.worst == {"loss": pytest.approx(0.9), "speed": pytest.approx(worst["speed"])}


@pytest.mark.parametrize("power", [30, -30])
def test_the_units_of_metrics_do_not_matter(power):
    def scaled(point: Point) -> Metrics:
        return {"loss": 2.0**power * bend(point)["loss"], "speed": bend(point)["speed"] / 2.0**power}

    campaign = several(2)
    [expected] = propose(campaign, history_of(campaign, bend, 8), MODEL, 1)
    [found] = propose(campaign, history_of(campaign, scaled, 8), MODEL, 1)
    assert distance(found.point, expected.point) < 1e-3
    assert found.provenance.chosen.expected_gain == pytest.approx(expected.provenance.chosen.expected_gain, rel=1e-3)
    assert found.provenance.chosen.worst["loss"] == pytest.approx(
        2.0**power * expected.provenance.chosen.worst["loss"], rel=1e-6
    )


def test_the_expected_gain_is_in_the_product_of_the_units():
    """Measured in other units, the same volume has another number."""

    def in_other_units(point: Point) -> Metrics:
        return {"loss": 1000.0 * bend(point)["loss"], "speed": 60.0 * bend(point)["speed"]}

    campaign = several(2)
    gains = [
        propose(campaign, history_of(campaign, seen, 8), MODEL, 1)[0].provenance.chosen.expected_gain
        for seen in (bend, in_other_units)
    ]
    assert gains[1] == pytest.approx(60_000.0 * gains[0], rel=1e-3)


def test_a_pending_point_is_not_proposed_again():
    campaign = several(2, noise=None)
    history = history_of(campaign, bend, 10)
    [first] = propose(campaign, history, MODEL, 1)
    choice = choice_of(campaign, add(history, [first]))
    before = choice_of(campaign, history)
    x = choice.encoding.encode([first.point])
    near = (x + 0.01).clamp(0.0, 1.0)
    with torch.inference_mode():
        scores = [
            AverageScore(each.draws, each.aim.improvement(each.drawn_points)).value(near) for each in (before, choice)
        ]
    assert float(scores[1]) < float(scores[0]) - 0.5


def test_each_point_of_a_batch_is_elsewhere():
    campaign = several(2)
    batch = propose(campaign, history_of(campaign, bend, 8), MODEL, 4)
    assert min(distance(a.point, b.point) for i, a in enumerate(batch) for b in batch[:i]) > 0.02


@pytest.mark.parametrize("treatment", ["joint", "ignore", "liar_min", "liar_mean", "liar_max", "believer"])
def test_pending_trials_may_be_treated_in_every_way(treatment):
    campaign, proposer = several(2), MODEL.model_copy(update={"pending": treatment})
    history = history_of(campaign, bend, 8, pending=2)
    batch = propose(campaign, history, proposer, 2)
    assert all(each.agrees for found in appraised(campaign, history, batch, proposer) for each in found.figures)


def test_a_constraint_that_everything_meets_changes_nothing():
    campaign = several(2, noise=None)
    limited = several(2, constraints=["size <= 1000"], noise=None)
    draw = random.Random(1)

    def sized(point: Point) -> Metrics:
        return bend(point) | {"size": point["x0"] + draw.gauss(0, 1)}

    [free], history = propose(campaign, history_of(campaign, bend, 9), MODEL, 1), history_of(limited, sized, 9)
    [found] = propose(limited, history, MODEL, 1)
    assert found.provenance.chosen.worst == pytest.approx(free.provenance.chosen.worst, rel=1e-3)
    assert found.provenance.chosen.value == pytest.approx(free.provenance.chosen.value, abs=0.1)


def test_limits_of_other_metrics_and_of_objectives_are_met():
    def hot(point: Point) -> Metrics:
        return bend(point) | {"heat": 1.0 - point["x0"]}

    objectives = [{"minimize": "loss", "worst": 1.5}, {"maximize": "speed", "worst": 0.0}]
    campaign = several(2, objectives, constraints=["heat <= 0.6", "speed <= 1.8"])
    history = run_on(campaign, history_of(campaign, hot, 6), hot, 12)
    feasible = [campaign.goal.feasible(trial.measured) for trial in history.trials.values()]
    assert sum(feasible[6:]) >= 8
    made = history.trials[18].proposal.provenance
    assert made.weights.constraints.keys() == {"heat <= 0.6", "speed <= 1.8"}
    front = campaign.goal.front(history.trials.values())
    assert min(hot(trial.point)["heat"] for trial in front) < 0.45
    assert max(hot(trial.point)["heat"] for trial in front) > 0.55


def test_without_a_feasible_point_the_search_looks_for_one_and_expects_no_gain():
    def far(point: Point) -> Metrics:
        return bend(point) | {"off": math.dist((point["x0"], point["x1"]), (0.8, 0.7))}

    campaign = several(2, constraints=["off <= 0.05"])
    history = history_of(campaign, far, 8)
    assert not campaign.goal.front(history.trials.values())
    history = run_on(campaign, history, far, 8)
    assert len(campaign.goal.front(history.trials.values())) >= 1


def test_beyond_a_reference_that_nothing_beats_the_search_goes_towards_it():
    campaign = several(3, [{"minimize": "loss", "worst": 0.3}, {"maximize": "speed", "worst": 0.9}])
    history = history_of(campaign, bend, 6)
    assert gained(campaign, history, (-0.3, 0.9)) == 0.0
    history = run_on(campaign, history, bend, 10)
    assert gained(campaign, history, (-0.3, 0.9)) > 0.0


SHAPES: dict[str, Callable[[Point], Metrics]] = {
    "a constant objective": lambda point: {"loss": bend(point)["loss"], "speed": 7.0},
    "two constant objectives": lambda point: {"loss": 0.0, "speed": 7.0},
    "objectives that agree": lambda point: {"loss": bend(point)["loss"], "speed": -bend(point)["loss"]},
    "objectives that contradict": lambda point: {"loss": bend(point)["loss"], "speed": bend(point)["loss"]},
    "a vast objective": lambda point: {"loss": 1e200 * bend(point)["loss"], "speed": 1e-9 * bend(point)["speed"]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_relation_of_objectives_gives_a_point_that_is_appraised_as_recorded(shape):
    campaign = several(2, noise=None)
    history = history_of(campaign, SHAPES[shape], 7, pending=1)
    batch = propose(campaign, history, MODEL, 2)
    assert {proposal.generator for proposal in batch} == {"model"}
    assert all(math.isfinite(proposal.provenance.chosen.value) for proposal in batch)
    for found in appraised(campaign, history, batch):
        assert found.objections == []


def test_if_objectives_agree_the_search_is_that_of_one_objective():
    campaign = several(2)
    history = run_on(
        campaign, history_of(campaign, SHAPES["objectives that agree"], 6), SHAPES["objectives that agree"], 8
    )
    assert min(bend(trial.point)["loss"] for trial in history.trials.values()) < 0.01


@pytest.mark.parametrize("objectives", [3, 4, 6])
def test_more_objectives_are_improved_together(objectives):
    names = [f"f{i}" for i in range(objectives)]
    corners = some_points(several(2), objectives, seed=5)

    def distances(point: Point) -> Metrics:
        return {name: distance(point, corner) ** 2 for name, corner in zip(names, corners, strict=True)}

    campaign = several(2, [{"minimize": name, "worst": 1.0} for name in names])
    history = history_of(campaign, distances, 8, pending=1)
    batch = propose(campaign, history, MODEL, 2)
    assert all(proposal.provenance.chosen.expected_gain > 0.0 for proposal in batch)
    for found in appraised(campaign, history, batch):
        assert found.objections == []


def test_two_results_are_enough():
    campaign = several(2)
    [proposal] = propose(campaign, history_of(campaign, bend, 2), MODEL, 1)
    assert proposal.generator == "model"


def test_a_single_observation_has_a_front_of_one_point():
    campaign = several(2)
    choice = choice_of(campaign, history_of(campaign, bend, 1))
    with torch.inference_mode():
        assert math.isfinite(choice.next().value)


def test_in_a_finite_space_new_points_are_proposed_until_none_is_left():
    parameters = {"a": {"kind": "int", "low": 0, "high": 3}, "m": {"kind": "categorical", "choices": ["p", "q"]}}

    def counted(point: Point) -> Metrics:
        return {"loss": float(point["a"]), "speed": float(point["a"]) + (point["m"] == "q")}

    campaign = campaign_of(parameters, minimize=None, objectives=TWO)
    history = history_of(campaign, counted, 4)
    proposer = MODEL.model_copy(update={"replication": "always"})
    batch = propose(campaign, history, proposer, 9)
    assert len({tuple(proposal.point.values()) for proposal in batch}) == 4
    assert [proposal.provenance.chosen.instead_of for proposal in batch] == [None] * 4


def test_failures_and_averages_over_hyperparameters_count_as_with_one_objective():
    campaign = several(2, noise=None)
    history = history_of(campaign, bend, 8, pending=2)
    history = history.extended([failed(9)])
    proposer = MODEL.model_copy(update={"hyperparameters": "average"})
    batch = propose(campaign, history, proposer, 1)
    assert batch[0].provenance.weights.probability_feasible is not None
    assert appraised(campaign, history, batch, proposer)[0].objections == []


def test_a_record_of_another_acquisition_or_reference_is_contradicted():
    campaign = several(2)
    history = history_of(campaign, bend, 8)
    [made] = propose(campaign, history, MODEL, 1)

    def with_chosen(**changes: Any) -> Proposal:
        provenance = made.provenance
        chosen = provenance.chosen.model_copy(update=changes)
        return made.model_copy(update={"provenance": provenance.model_copy(update={"chosen": chosen})})

    with pytest.raises(Contradicted, match="expected acquisition log_noisy_expected_hypervolume_improvement"):
        appraised(campaign, history, [with_chosen(acquisition="log_noisy_expected_improvement")])
    other = {name: 1.01 * value for name, value in made.provenance.chosen.worst.items()}
    [found] = appraised(campaign, history, [with_chosen(worst=other)])
    assert [text.split(" ")[0] for text in found.objections] == ["chosen.worst.loss", "chosen.worst.speed"]


@pytest.mark.parametrize("objectives", [TWO, TWO[::-1]], ids=["loss first", "speed first"])
def test_trials_that_failed_with_one_objective_are_learnt_from_in_whatever_order_objectives_stand(objectives):
    campaign = several(2, [*objectives, {"minimize": "2 * loss + 1"}])
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(some_points(campaign, 8), start=1):
        seen = {"loss": bend(point)["loss"]} if i > 4 else bend(point) | {"2 * loss + 1": 2 * bend(point)["loss"] + 1}
        events.append(proposed(i, campaign.space.point(point)))
        events += [saw(i, seen)] if i <= 4 else [attempt(i), lost(i, seen), failed(i)]
    asked = Asked(campaign, History.from_events(events), MODEL, Encoding(campaign.space), (), 1)
    counts = {metric: len(seen.trials) for metric, seen in asked.situation.observed.items()}
    assert counts == {"loss": 8, "speed": 4, "2 * loss + 1": 8}


def test_no_gain_is_known_and_no_campaign_ends_by_it_before_something_beats_the_worst_values():
    campaign = several(
        2,
        [{"minimize": "loss", "worst": -5.0}, {"maximize": "speed", "worst": 9.0}],
        stop_when={"expected_gain_below": 1.0, "in_a_row": 1},
    )
    history = run_on(campaign, history_of(campaign, bend, 5), bend, 3)
    made = [trial.proposal.provenance for trial in history.trials.values() if trial.proposal.generator == "model"]
    assert [provenance.chosen.expected_gain for provenance in made if provenance] == [None, None, None]
    assert why_enough(history) is None
    easy = several(2, stop_when={"expected_gain_below": 1e9, "in_a_row": 1})
    assert why_enough(run_on(easy, history_of(easy, bend, 5), bend, 1)) is not None
