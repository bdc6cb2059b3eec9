"""The goal of a campaign: one place decides which outcome is better, and it agrees with brute force."""

import math
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overnight.campaign import Campaign, Goal, History, Measurement, Objective, Proposal, Trial
from overnight.campaign.goal import pooled
from overnight.campaign.goal.constraint import Bound, Constraint, read_constraint
from overnight.campaign.history.events import CampaignDefined
from overnight.campaign.history.trial import Failure, Observation

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOSS = Objective(metric="loss", direction="minimize")
TASTE = Objective(metric="taste", direction="maximize")


def at_most(metric: str, limit: float) -> Constraint:
    return Constraint(metric, at_most=Bound(limit))


def measured(**means: float) -> dict[str, Measurement]:
    return {name: Measurement(mean=mean) for name, mean in means.items()}


def trial(number: int, outcome: Observation | Failure | None) -> Trial:
    return Trial(id=number, proposal=Proposal(point={"x": 0.5}, generator="sobol"), proposed=NOW, outcome=outcome)


def observed(number: int, **means: float) -> Trial:
    return trial(number, Observation(attempt=1, metrics=measured(**means), ended=NOW))


def test_the_short_form_of_a_campaign_is_a_goal_of_one_objective():
    asked = {
        "name": "bread",
        "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "metrics": ["minutes", "loss"],
        "budget": {"trials": 1},
    }
    campaign = Campaign.model_validate(asked)
    assert campaign.goal == Goal((LOSS,))
    assert campaign.objective == LOSS
    assert campaign.expected_metrics == ("loss", "minutes")
    assert [campaign.key_of(metric) for metric in campaign.expected_metrics] == ["minimize", "metrics"]
    turned = Campaign.model_validate({**asked, "minimize": None, "maximize": "taste"})
    assert turned.goal == Goal((TASTE,))
    assert turned.key_of("taste") == "maximize"


def test_every_metric_of_an_objective_or_a_constraint_must_be_measured_once():
    goal = Goal((TASTE, LOSS), (at_most("minutes", 9), at_most("loss", 1)))
    assert goal.metrics == ("taste", "loss", "minutes")
    assert goal.directions == ("maximize", "minimize")


def test_the_value_of_a_trial_is_the_first_objective_that_was_observed():
    failed = trial(2, Failure(cause="infeasible", message="", attempt=1, ended=NOW))
    goal = Goal((TASTE, LOSS))
    assert goal.value_of(observed(1, loss=3, taste=7)) == Measurement(mean=7)
    assert [goal.value_of(other) for other in (failed, trial(3, None))] == [None, None]


@pytest.mark.parametrize(("objective", "better", "worse"), [(LOSS, 1.0, 2.0), (TASTE, 2.0, 1.0)])
def test_values_are_better_and_worse_in_the_direction_of_the_objective(objective, better, worse):
    goal, name = Goal((objective,)), objective.metric
    assert goal.better(measured(**{name: better}), measured(**{name: worse}))
    assert not goal.better(measured(**{name: worse}), measured(**{name: better}))
    assert not goal.better(measured(**{name: better}), measured(**{name: better}))
    assert objective.turned(better) > objective.turned(worse)
    assert objective.turned(objective.turned(better)) == better
    assert objective.worsened(better, by=1.0) == worse


def test_a_result_is_feasible_if_it_meets_every_constraint_and_each_was_measured():
    goal = Goal((LOSS,), (at_most("minutes", 9), at_most("grams", 50)))
    assert goal.feasible(measured(loss=1, minutes=9, grams=50))
    assert not goal.feasible(measured(loss=1, minutes=10, grams=50))
    assert not goal.feasible(measured(loss=1, minutes=9))
    assert Goal((LOSS,)).feasible(measured(loss=1))
    assert not Goal((LOSS,)).feasible(measured(minutes=9))


def test_a_feasible_result_is_better_than_every_infeasible_one():
    goal = Goal((LOSS,), (at_most("minutes", 9),))
    slow, quick = measured(loss=1, minutes=10), measured(loss=5, minutes=8)
    assert goal.better(quick, slow)
    assert not goal.better(slow, quick)
    assert not goal.better(slow, measured(loss=2, minutes=99))


def test_of_several_objectives_one_result_is_better_if_it_is_worse_in_none():
    goal = Goal((LOSS, TASTE))
    assert goal.better(measured(loss=1, taste=5), measured(loss=2, taste=5))
    assert not goal.better(measured(loss=1, taste=4), measured(loss=2, taste=5))
    assert not goal.better(measured(loss=2, taste=5), measured(loss=1, taste=4))


@pytest.mark.parametrize("objective", [LOSS, TASTE])
def test_the_best_trial_is_that_of_brute_force_among_the_feasible_ones(objective):
    draw = random.Random(objective.metric)
    goal = Goal((objective,), (at_most("minutes", 5),))
    trials = [
        observed(i, **{objective.metric: float(draw.randrange(6)), "minutes": float(draw.randrange(9))})
        if draw.random() < 0.8
        else trial(i, None)
        for i in range(1, 60)
    ]

    def best_of(some: list[Trial]) -> Trial | None:
        values = {
            t.id: objective.sign * t.outcome.metrics[objective.metric].mean
            for t in some
            if isinstance(t.outcome, Observation) and t.outcome.metrics["minutes"].mean <= 5
        }
        return next((t for t in some if t.id in values and values[t.id] == max(values.values())), None)

    assert goal.best([]) is None
    assert goal.best(trials) is best_of(trials)
    assert list(goal.best_so_far(trials)) == [best_of(trials[: n + 1]) for n in range(len(trials))]
    left, ranked = list(trials), list[Trial]()
    while (found := best_of(left)) is not None:
        ranked.append(found)
        left.remove(found)
    assert goal.best_first(trials) == ranked


def test_the_best_of_several_objectives_is_beaten_by_no_trial():
    draw = random.Random(1)
    goal = Goal((LOSS, TASTE))
    trials = [observed(i, loss=float(draw.randrange(9)), taste=float(draw.randrange(9))) for i in range(1, 40)]
    best = goal.best(trials)
    assert best is not None
    assert not any(goal.better(other.measured, best.measured) for other in trials)


def test_signs_and_directions_of_objectives_are_read_in_two_places_only():
    reads = re.compile(r"\b(?:objective|objectives\[\d\]|outcomes)\.(?:sign|direction)\b")
    folders = ("bo_core", "campaign", "evaluators", "flows", "report", "storage", "benchmarks")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in paths if reads.search(path.read_text())}
    elsewhere = {path for path in found if not path.startswith("bo_core/data/")}
    assert elsewhere == {"campaign/goal/goal.py", "campaign/goal/objective.py"}


def test_the_limits_of_a_metric_are_those_of_all_its_constraints():
    texts = ("loss <= 9", "1 <= grams <= 5", "grams <= 2 * baseline", "grams >= 0.5")
    goal = Goal((LOSS,), tuple(read_constraint(text) for text in texts))
    assert goal.limited == ("loss", "grams")
    assert goal.limits("loss") == (-math.inf, 9)
    assert goal.limits("minutes") == (-math.inf, math.inf)
    assert goal.beside(measured(grams=2)).limits("grams") == (1, 4)
    assert goal.beside(measured(grams=4)).limits("grams") == (1, 5)


def test_no_result_is_feasible_beside_an_unmeasured_baseline():
    goal = Goal((LOSS,), (read_constraint("grams <= 1.1 * baseline"), read_constraint("minutes <= 9")))
    light = measured(loss=1, grams=1, minutes=9)
    assert not goal.feasible(light)
    assert not goal.beside(measured(minutes=1)).feasible(light)
    assert goal.beside(measured(grams=1)).feasible(light)
    assert [str(c) for c in goal.beside(measured(grams=0.5)).unmet(light)] == ["grams <= 1.1 * baseline"]
    assert [str(c) for c in goal.beside(measured(grams=1)).unmet(measured(loss=1, grams=1))] == ["minutes <= 9"]


def test_a_history_judges_results_beside_the_mean_of_its_baseline():
    asked = {
        "name": "bread",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "constraints": ["grams <= 1.1 * baseline", "2 <= minutes"],
        "budget": {"trials": 9},
        "baseline": {"x": 0.5},
    }
    campaign = Campaign.model_validate(asked)
    assert campaign.goal.metrics == campaign.expected_metrics == ("loss", "grams", "minutes")
    assert [campaign.key_of(metric) for metric in campaign.goal.metrics] == ["minimize", "constraints", "constraints"]
    history = History.from_events([CampaignDefined(uid="1", definition=campaign, actor="me", time=NOW)])
    assert not history.goal.feasible(measured(loss=1, grams=1, minutes=3))
    trials = {1: observed(1, loss=1, grams=10), 2: observed(2, loss=1, grams=14, minutes=3)}
    elsewhere = observed(3, loss=0, grams=1)
    elsewhere = elsewhere.model_copy(update={"proposal": Proposal(point={"x": 0.4}, generator="sobol")})
    history = replace(history, trials=history.trials.changed({**trials, 3: elsewhere}))
    assert history.goal.limits("grams") == (-math.inf, 1.1 * 12)
    assert Campaign.model_validate_json(campaign.model_dump_json()) == campaign


@pytest.mark.parametrize(
    ("baseline", "result", "verdict"),
    [
        ({"grams": 1}, {"loss": 1, "grams": 1, "minutes": 9}, True),
        ({"grams": 1}, {"loss": 1, "grams": 2, "minutes": 9}, False),
        ({"grams": 1}, {"loss": 1, "grams": 1}, False),
        ({"grams": 1}, {"grams": 1, "minutes": 9}, False),
        ({}, {"loss": 1, "grams": 1, "minutes": 9}, None),
        ({}, {"loss": 1, "grams": 1, "minutes": 10}, False),
    ],
)
def test_there_is_a_verdict_unless_it_depends_on_a_limit_that_is_unknown(baseline, result, verdict):
    goal = Goal((LOSS,), (read_constraint("grams <= 1.1 * baseline"), read_constraint("minutes <= 9")))
    assert goal.beside(measured(**baseline)).verdict(measured(**result)) is verdict


def test_there_is_no_verdict_without_constraints():
    assert Goal((LOSS,)).verdict(measured(loss=1)) is None


def test_pooled_results_have_the_mean_of_each_metric_even_at_the_ends_of_the_floats():
    results = [measured(loss=1, grams=1.7e308), measured(loss=2, grams=1.7e308), measured(loss=6)]
    assert {name: found.mean for name, found in pooled(results).items()} == {"loss": 3, "grams": 1.7e308}
