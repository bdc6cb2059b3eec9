"""Campaigns with constraints: what is proposed, what is recommended, and what is said about it."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from told_campaigns import MODEL, NOON, add, attempt, campaign_of, cube, defined, failed, proposed, some_points

from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked, Choice
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.situated import situated
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import AttemptFailed, Event, TrialObserved

Metrics = Mapping[str, float]


def valley(point: Point) -> Metrics:
    """Return a loss that is least at the origin, where the heat, which falls away from it, is highest."""
    x, y = float(point["x0"]), float(point["x1"])
    return {"loss": x + y, "heat": 2.0 - x - 2.0 * y}


def saw(trial: int, metrics: Metrics, sem: float | None = None) -> TrialObserved:
    measured = {name: Measurement(mean=mean, sem=sem) for name, mean in metrics.items()}
    return TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=measured)


def history_of(
    campaign: Campaign, seen: Callable[[Point], Metrics], count: int, noise: float = 0.0, points: Any = None
) -> History:
    events: list[Event] = [defined(campaign)]
    draw = random.Random(2)
    for i, point in enumerate(some_points(campaign, count) if points is None else points, start=1):
        metrics = {name: value + noise * draw.gauss(0, 1) for name, value in seen(point).items()}
        events += [proposed(i, campaign.space.point(point)), saw(i, metrics)]
    return History.from_events(events)


def run_on(campaign: Campaign, history: History, seen: Callable[[Point], Metrics], trials: int) -> History:
    """Run trials one after the other."""
    for _ in range(trials):
        [proposal] = propose(campaign, history, MODEL, 1)
        trial = history.next_trial
        history = add(history, [proposal]).extended([saw(trial, seen(proposal.point))])
    return history


def constrained(*constraints: str, **more: Any) -> Campaign:
    return campaign_of(cube(2), constraints=constraints, **{"noise": "none"} | more)


def contest_of(campaign: Campaign, history: History) -> Contest:
    encoding = Encoding(campaign.space)
    situation = situated(campaign, view_inside(campaign, history), encoding, MODEL)
    models = {
        name: Model.of(observed, MODEL, torch.Generator().manual_seed(0))
        for name, observed in situation.observed.items()
    }
    return Contest("loss", models, Limits.of(campaign, encoding, models))


def test_the_search_ends_at_the_best_feasible_point_and_not_at_the_best_one():
    campaign = constrained("heat <= 0.5")
    history = run_on(campaign, history_of(campaign, valley, 6), valley, 14)
    found = recommend(campaign, history, MODEL)
    # The least sum of x and y with x + 2y ≥ 1.5 lies at x = 0, y = 0.75.
    assert found.predicted["heat"].mean <= 0.5 + 1e-3
    assert 0.75 <= valley(found.point)["loss"] < 0.79
    assert found.constraints == {"heat <= 0.5": pytest.approx(1.0, abs=0.05)}
    assert found.feasible_enough
    assert set(found.predicted) == {"loss", "heat"}


def test_a_feasible_point_is_not_hopeless_because_infeasible_ones_are_far_better():
    draw = random.Random(1)

    def wave(point: Point) -> Metrics:
        x, y = float(point["x0"]), float(point["x1"])
        loss = x + y + 0.3 * math.sin(9.0 * x) + draw.gauss(0, 0.02)
        return {"loss": loss, "delay": 20.0 - 9.0 * (x + y) + draw.gauss(0, 0.5)}

    campaign = constrained("delay <= 12", noise=None, seed=1)
    history = run_on(campaign, history_of(campaign, wave, 6), wave, 12)
    made = [trial.proposal.provenance for trial in history.trials.values() if trial.proposal.provenance is not None]
    assert any(each.models.opinions for each in made)
    assert min(each.weights.constraints["delay <= 12"] for each in made) > 1e-3


def test_the_first_goal_is_a_feasible_point_if_none_was_seen():
    def pit(point: Point) -> Metrics:
        return {"loss": float(point["x0"]), "off": math.dist((point["x0"], point["x1"]), (0.8, 0.3))}

    campaign = constrained("off <= 0.05")
    history = history_of(campaign, pit, 8)
    assert not any(history.goal.feasible(trial.measured) for trial in history.trials.values())
    history = run_on(campaign, history, pit, 10)
    assert sum(history.goal.feasible(trial.measured) for trial in history.trials.values()) >= 3
    assert recommend(campaign, history, MODEL).feasible_enough


def test_without_a_feasible_point_the_likeliest_one_is_recommended_and_the_tight_constraint_is_named():
    campaign = constrained("heat <= 0.5", "loss >= 1.9", noise=None)
    history = history_of(campaign, valley, 10, noise=0.02)
    found = recommend(campaign, history, MODEL, anywhere=False)
    assert not found.feasible_enough
    assert found.tightest == "loss >= 1.9"
    assert found.probability_feasible < found.feasible_at_least == 0.95


@pytest.mark.parametrize("unit", [1e9, 1e-9])
def test_the_unit_of_a_limited_metric_does_not_matter(unit):
    def in_units(point: Point) -> Metrics:
        found = valley(point)
        return {"loss": found["loss"], "heat": unit * found["heat"]}

    plain = constrained("heat <= 0.5")
    scaled = constrained(f"heat <= {0.5 * unit!r}")
    one, other = history_of(plain, valley, 12), history_of(scaled, in_units, 12)
    [expected], [found] = propose(plain, one, MODEL, 1), propose(scaled, other, MODEL, 1)
    assert [found.point[name] for name in found.point] == pytest.approx([*expected.point.values()], abs=1e-3)
    [share], [same] = expected.provenance.weights.constraints.values(), found.provenance.weights.constraints.values()
    assert same == pytest.approx(share, abs=1e-3)


def test_a_limit_relative_to_the_baseline_is_judged_jointly_with_it():
    campaign = constrained("heat <= 0.8 * baseline", baseline={"x0": 0.4, "x1": 0.3}, noise=None)
    points = [{"x0": 0.4, "x1": 0.3}, *some_points(campaign, 11)]
    history = history_of(campaign, valley, 0, noise=0.05, points=points)
    contest = contest_of(campaign, history)
    X = contest.models["heat"].observed.X
    found = contest.limits.probabilities(contest.beliefs, X, 1.0)
    mean, covariance = contest.models["heat"].posterior.joint(X)
    L = torch.linalg.cholesky(covariance[0] + 1e-10 * torch.eye(len(X), dtype=torch.float64))
    normals = torch.randn(len(X), 200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    outcomes = contest.models["heat"].observed.outcomes
    heat = outcomes.center + outcomes.scale * (mean[0, :, None] + L @ normals)
    heat = outcomes.sign * heat * outcomes.unit
    expected = (heat <= 0.8 * heat[0]).double().mean(1)
    torch.testing.assert_close(found.every, expected, atol=5e-3, rtol=0.0)
    torch.testing.assert_close(found.each["heat <= 0.8 * baseline"], found.every)
    [proposal] = propose(campaign, history, MODEL, 1)
    assert proposal.provenance.weights.constraints.keys() == {"heat <= 0.8 * baseline"}
    assert recommend(campaign, history, MODEL).baseline.keys() == {"loss", "heat"}


def test_limits_of_several_metrics_are_met_together():
    campaign = constrained("0.2 <= heat <= 0.9", "loss <= 1.2", noise=None)
    contest = contest_of(campaign, history_of(campaign, valley, 12, noise=0.05))
    X = Encoding(campaign.space).encode(some_points(campaign, 40, seed=3))

    def share(metric: str, low: float, high: float) -> torch.Tensor:
        model = contest.models[metric]
        mean, sd = (each[0] for each in model.posterior.marginal(X))
        ends = [model.observed.outcomes.standardised(end) for end in (low, high)]
        below = [torch.special.ndtr((end - mean) / sd) for end in ends]
        return (below[1] - below[0]).abs()

    found = contest.limits.probabilities(contest.beliefs, X, 1.0)
    expected = {"0.2 <= heat <= 0.9": share("heat", 0.2, 0.9), "loss <= 1.2": share("loss", -1e9, 1.2)}
    for text, probability in expected.items():
        torch.testing.assert_close(found.each[text], probability, atol=1e-6, rtol=0.0)
    torch.testing.assert_close(found.every, math.prod(expected.values()), atol=1e-6, rtol=0.0)


def test_a_limit_is_not_known_to_hold_if_its_metric_was_never_measured_and_a_missing_value_costs_only_itself():
    campaign = constrained("heat <= 0.5", "noise_level <= 3")
    seen = [saw(i, valley(point)) for i, point in enumerate(some_points(campaign, 8), start=1)]
    partly = [saw(e.trial, {"loss": e.metrics["loss"].mean}) if e.trial in (2, 5) else e for e in seen]
    events = [proposed(i, point) for i, point in enumerate(some_points(campaign, 8), start=1)]
    history = History.from_events([defined(campaign), *events, *partly])
    contest = contest_of(campaign, history)
    assert {name: len(model.observed.trials) for name, model in contest.models.items()} == {"loss": 8, "heat": 6}
    found = recommend(campaign, history, MODEL)
    assert found.constraints == {"heat <= 0.5": pytest.approx(1.0, abs=0.05), "noise_level <= 3": 0.0}
    assert (found.probability_feasible, found.feasible_enough, found.tightest) == (0.0, False, "noise_level <= 3")
    [proposal] = propose(campaign, history, MODEL, 1)
    assert proposal.provenance.weights.constraints["noise_level <= 3"] == 0.0
    assert proposal.provenance.chosen.expected_gain is None
    only = constrained("noise_level <= 3")
    assert recommend(only, history_of(only, valley, 6), MODEL).probability_feasible == 0.0


def test_a_limited_metric_of_a_failed_trial_is_learnt_from():
    campaign = constrained("heat <= 0.5")
    history = history_of(campaign, valley, 8)
    trial, point = history.next_trial, {"x0": 0.9, "x1": 0.9}
    ended = AttemptFailed(
        time=NOON,
        actor="test",
        trial=trial,
        attempt=1,
        cause="invalid_result",
        message="no loss",
        will_retry=False,
        metrics={"heat": Measurement(mean=-0.7)},
    )
    history = history.extended([proposed(trial, point), attempt(trial), ended, failed(trial, "invalid_result")])
    contest = contest_of(campaign, history)
    assert [len(model.observed.trials) for model in contest.models.values()] == [8, 9]
    assert contest.models["heat"].predicted(Encoding(campaign.space).encode([point]))[0] == pytest.approx(
        -0.7, abs=0.01
    )


@pytest.mark.parametrize("heat", [lambda _: 0.3, lambda _: 0.7, lambda p: float(p["x0"] > 0.5)])
def test_a_constant_or_stepwise_metric_is_no_trouble(heat):
    campaign = constrained("heat <= 0.5")

    def seen(point: Point) -> Metrics:
        return {"loss": valley(point)["loss"], "heat": heat(point)}

    history = run_on(campaign, history_of(campaign, seen, 6), seen, 4)
    found = recommend(campaign, history, MODEL)
    assert 0.0 <= found.probability_feasible <= 1.0
    assert found.feasible_enough == (heat(found.point) <= 0.5)


def test_an_exact_result_on_its_limit_is_feasible_for_sure():
    campaign = constrained("heat <= 0.5")
    points = [{"x0": 0.5, "x1": 0.5}, {"x0": 0.1, "x1": 0.1}, {"x0": 0.9, "x1": 0.2}, {"x0": 0.2, "x1": 0.8}]
    history = history_of(campaign, valley, 0, points=points)
    contest = contest_of(campaign, history)
    found = contest.limits.probabilities(contest.beliefs, contest.models["heat"].observed.X)
    assert found.every.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_the_baseline_surely_meets_a_limit_that_is_no_stricter_than_itself():
    base = {"x0": 0.4, "x1": 0.3}
    campaign = constrained("heat <= baseline", "loss >= 0.9 * baseline", baseline=base, noise=None)
    history = history_of(campaign, valley, 0, noise=0.05, points=[base, *some_points(campaign, 9)])
    contest = contest_of(campaign, history)
    found = contest.probabilities(Encoding(campaign.space).encode([base]))
    assert found.each["heat <= baseline"].tolist() == [1.0]
    assert found.each["loss >= 0.9 * baseline"].tolist() == [pytest.approx(1.0, abs=0.05)]


def test_only_the_baseline_is_feasible_and_it_is_recommended():
    base = {"x0": 0.6, "x1": 0.6}

    def seen(point: Point) -> Metrics:
        return {"loss": valley(point)["loss"], "off": math.dist([*point.values()], [*base.values()])}

    campaign = constrained("off <= 1e-6", baseline=base)
    history = history_of(campaign, seen, 0, points=[base, *some_points(campaign, 9)])
    found = recommend(campaign, history, MODEL)
    assert (found.trial, found.probability_feasible) == (1, 1.0)


def test_a_pending_point_that_may_be_feasible_keeps_its_neighbours_from_being_proposed():
    campaign = constrained("heat <= 0.5")
    history = history_of(campaign, valley, 10)
    [first] = propose(campaign, history, MODEL, 1)
    [second] = propose(campaign, add(history, [first]), MODEL, 1)
    assert math.dist([*first.point.values()], [*second.point.values()]) > 1e-3
    batch = propose(campaign, history, MODEL, 3)
    assert len({tuple(p.point.values()) for p in batch}) == 3
    assert [*batch[0].point.values()] == pytest.approx([*first.point.values()], abs=1e-4)


def test_a_proposal_records_every_model_and_can_be_appraised_from_its_record():
    campaign = constrained("heat <= 0.5", "loss >= 0.1", noise=None)
    history = history_of(campaign, valley, 10, noise=0.02)
    batch = propose(campaign, history, MODEL, 2)
    made = batch[0].provenance
    assert set(made.models.metrics) == set(made.predicted) == {"loss", "heat"}
    assert made.weights.constraints.keys() == {"heat <= 0.5", "loss >= 0.1"}
    asked = Asked(campaign, history, MODEL, Encoding(campaign.space), [], 2)
    for appraisal in appraise(asked, batch):
        assert appraisal.objections == []
        assert {f.name for f in appraisal.figures} >= {"predicted.heat.mean", "weights.constraints.heat <= 0.5"}
    assert propose(campaign, history, MODEL, 2) == batch


def test_a_confirming_point_is_feasible_enough():
    campaign = constrained("heat <= 0.5", confirm=2, budget={"trials": 12}, noise=None)
    history = history_of(campaign, valley, 10, noise=0.02)
    [proposal] = propose(campaign, history, MODEL, 1)
    assert proposal.generator == "confirming"
    made = proposal.provenance
    assert made.weights.constraints["heat <= 0.5"] >= 0.95


def test_the_floor_is_recorded_if_some_draws_have_no_feasible_point_and_others_have_one():
    history = history_of(constrained("heat <= 0.5", noise=None), valley, 8, noise=0.3)
    coolest = min(trial.measured["heat"].mean for trial in history.trials.values())
    floors = []
    for limit in (coolest, coolest + 9.0, coolest - 9.0):
        campaign = constrained(f"heat <= {limit!r}", noise=None)
        batch = propose(campaign, history_of(campaign, valley, 8, noise=0.3), MODEL, 3)
        floors.append([proposal.provenance.chosen.floor for proposal in batch])
        gains = [proposal.provenance.chosen.expected_gain for proposal in batch]
        assert (gains == [None] * 3) == (limit == coolest - 9.0)
    worst = max(trial.measured["loss"].mean for trial in history.trials.values())
    assert floors[0][0] == pytest.approx(worst, abs=0.3)
    assert floors[1:] == [[None] * 3] * 2


@pytest.mark.parametrize(("limit", "noise"), [("heat <= -20", "none"), ("heat <= -20", None), ("heat >= 20", "none")])
def test_the_closest_point_is_recommended_if_no_probability_differs_from_0(limit, noise):
    campaign = constrained(limit, noise=noise)
    history = history_of(campaign, valley, 12)
    heats = {trial.id: trial.measured["heat"].mean for trial in history.trials.values()}
    closest = (max if ">=" in limit else min)(heats, key=lambda trial: heats[trial])
    found = recommend(campaign, history, MODEL, anywhere=False)
    assert (found.trial, found.probability_feasible) == (closest, pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("noise", [None, "none"])
def test_a_limit_that_the_best_counts_attain_can_be_met(noise):
    def counted(point: Point) -> Metrics:
        return {"loss": float(point["x0"]), "errors": max(0.0, round(3.0 - 6.0 * float(point["x0"])))}

    campaign = constrained("errors <= 0", noise=noise)
    found = recommend(campaign, history_of(campaign, counted, 24), MODEL, anywhere=False)
    assert found.feasible_enough
    assert counted(found.point)["errors"] == 0

    def never(point: Point) -> Metrics:
        return {"loss": float(point["x0"]), "errors": 0.0}

    found = recommend(campaign, history_of(campaign, never, 12), MODEL)
    assert found.feasible_enough
    assert found.point["x0"] < 0.1


def test_limits_that_follow_from_others_change_no_probability():
    history = history_of(constrained("heat <= 0.5", noise=None), valley, 12, noise=0.05)
    X = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    shares = []
    for limits in (
        ["heat <= 0.5"],
        ["heat <= 0.5", "heat <= 0.6"],
        ["heat <= 0.6", "-9 <= heat <= 0.5", "heat <= 0.5"],
    ):
        contest = contest_of(constrained(*limits, noise=None), history)
        shares.append(contest.probabilities(X).every)
    torch.testing.assert_close(shares[1], shares[0])
    torch.testing.assert_close(shares[2], shares[0], atol=1e-9, rtol=0.0)


def test_an_exact_value_is_judged_in_its_own_unit_whatever_else_was_measured():
    def strained(point: Point) -> Metrics:
        return {"loss": valley(point)["loss"], "load": 1e12 if point["x0"] > 0.9 else 30.0 * float(point["x1"])}

    campaign = constrained("0 <= load <= 15")
    points = [{"x0": 0.95, "x1": 0.5}, {"x0": 0.5, "x1": 0.5}, {"x0": 0.2, "x1": 0.5000001}, {"x0": 0.7, "x1": 0.2}]
    contest = contest_of(campaign, history_of(campaign, strained, 0, points=points))
    found = contest.probabilities(contest.models["load"].observed.X)
    assert found.every.tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "limits", [["heat <= 0.5"], ["heat <= 0.5 * baseline"], ["heat <= 0.5", "heat <= 0.6 * baseline"]]
)
def test_the_recommended_point_is_the_best_one_with_the_demanded_probability(limits):
    base = {"x0": 0.5, "x1": 0.25}
    campaign = constrained(*limits, baseline=base, noise=None)
    history = history_of(campaign, valley, 0, noise=0.02, points=[base, *some_points(campaign, 14)])
    found = recommend(campaign, history, MODEL)
    line = torch.linspace(0, 1, 41, dtype=torch.float64)
    grid, contest = torch.cartesian_prod(line, line), contest_of(campaign, history)
    enough = grid[contest.probabilities(grid).every >= 0.95]
    best = min(valley({"x0": float(x), "x1": float(y)})["loss"] for x, y in enough)
    assert found.feasible_enough
    assert valley(found.point)["loss"] <= best + 0.05


def test_the_search_finds_the_ridge_along_an_active_limit():
    campaign = constrained("heat <= 0.5")
    history = run_on(campaign, history_of(campaign, valley, 6), valley, 8)
    encoding = Encoding(campaign.space)
    asked = Asked(campaign, history, MODEL, encoding, [], 1)
    generator = torch.Generator().manual_seed(asked.seed)
    models = {name: Model.of(observed, MODEL, generator) for name, observed in asked.situation.observed.items()}
    choice = Choice(asked, models, generator, Weighting(), None)
    at = choice.prepared()
    found = choice.searched(at)
    # Points on and near the limit x + 2y = 1.5.
    x = torch.linspace(0, 1, 201, dtype=torch.float64)
    ridge = [torch.stack([x, (1.5 - x) / 2.0 + off], 1) for off in (-1e-3, -1e-4, 0.0, 1e-4, 1e-3)]
    assert found.value >= float(at.surface.value(torch.cat(ridge)).max()) - 0.5
