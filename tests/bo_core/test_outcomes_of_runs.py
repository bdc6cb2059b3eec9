"""Evaluations that resume, and reports, are outcomes of one run: they err alike, and their cost counts once."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from told_campaigns import MODEL, NOON, attempt, cube, defined, observed, proposed
from told_fidelities import EPOCHS, cheap, fidelity_of, loss, observed_at

from overnight.bo_core.choice import Asked, Choice
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Model
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.history.events import MeasurementReported
from overnight.campaign.standing.declared_costs import to_resume
from overnight.campaign.standing.fidelity_costs import FidelityCosts


def with_runs(cost: float = 100.0, **settings: Any) -> Campaign:
    return cheap(cost=cost, parameters=cube(1), fidelity={"epochs": {**EPOCHS["epochs"], **settings}})


def after(campaign: Campaign, measured: Sequence[tuple[float, int]]) -> History:
    """Return a history in which these points were measured at these epochs, each for its declared cost."""
    history, fidelity = History.from_events([defined(campaign)]), fidelity_of(campaign)
    for x, epochs in measured:
        point: Point = {"x0": x, "epochs": epochs}
        cost = fidelity.cost(point, FidelityCosts.of(fidelity, history).ended)
        history = observed_at(history, Proposal(point=point, generator="manual"), loss(point), cost)
    return history


def choice_of(campaign: Campaign, history: History) -> Choice:
    asked = Asked(campaign, history, MODEL, Encoding(campaign.space), [], 1)
    generator = torch.Generator().manual_seed(3)
    model = Model.of(asked.situation.observed["loss"], MODEL, generator)
    return Choice(asked, {"loss": model}, generator, Weighting(), None)


def options(campaign: Campaign, history: History) -> list[Point]:
    choice = choice_of(campaign, history)
    return [each.point for each in choice.options(choice.searched(choice.prepared()).point)]


FIRST = [(x, 81) for x in (0.1, 0.28, 0.45, 0.7, 0.9)]


def test_a_point_that_reached_a_fidelity_is_not_measured_at_a_lower_one_if_evaluations_resume() -> None:
    measured = [*FIRST, (0.28, 81), (0.32, 81), (0.25, 27), (0.35, 9), (0.35, 27)]
    found = options(campaign := with_runs(resume=True), after(campaign, measured))
    reached = {point["epochs"] for point in found if point["x0"] in (0.25, 0.35)}
    assert reached == {81}
    assert all(point["x0"] not in {x for x, level in measured if level == 81} for point in found)
    without = options(campaign := with_runs(), after(campaign, measured))
    assert {9, 3, 1} <= {point["epochs"] for point in without if point["x0"] == 0.25}


def in_steps(x: float, last: int) -> list[tuple[float, int]]:
    return [(x, level) for level in (1, 3, 9, 27, 81) if level <= last]


def test_the_steps_of_one_run_cost_as_much_as_the_run_when_the_third_in_full_is_counted() -> None:
    steps = [*FIRST, *in_steps(0.31, 81), *in_steps(0.2, 27), *in_steps(0.4, 27), *in_steps(0.6, 27)]
    campaign = with_runs(resume=True)
    assert not all(point["epochs"] == 81 for point in options(campaign, after(campaign, steps)))
    more = [*steps, *(step for x in (0.22, 0.26, 0.42, 0.46) for step in in_steps(x, 27))]
    assert all(point["epochs"] == 81 for point in options(campaign, after(campaign, more)))


def test_a_budget_that_pays_for_the_rest_of_a_run_alone_lets_it_reach_full_fidelity() -> None:
    measured = [*FIRST, *((0.02 * i, 27) for i in range(1, 20) if i != 15), (0.31, 27)]
    spent = 5 * 1.02 + 19 * (0.02 + 27 / 81)
    campaign = with_runs(cost=spent + 1.1 * 1.02 + 0.8, resume=True)
    found = options(campaign, after(campaign, measured))
    assert found
    assert all(point["epochs"] == 81 and (point["x0"], 27) in measured for point in found)


def with_a_curve(campaign: Campaign) -> History:
    """Return a history with a trial at 27 epochs that reported twice, and two results in full."""
    point: Point = {"x0": 0.4, "epochs": 27}
    reports = [
        MeasurementReported.model_validate(
            {"time": NOON, "actor": "test", "trial": 1, "attempt": 1, "step": step, "metrics": {"loss": {"mean": y}}}
        )
        for step, y in ((1, 3.0), (9, 1.5))
    ]
    history = History.from_events([defined(campaign), proposed(1, point), attempt(1), *reports, observed(1, 0.7)])
    for x, epochs in ((0.2, 81), (0.4, 81), (0.6, 3)):
        history = observed_at(history, Proposal(point={"x0": x, "epochs": epochs}, generator="manual"), 0.3, 1.0)
    return history


@pytest.mark.parametrize("settings", [{}, {"curve": True}, {"resume": True}])
def test_outcomes_far_worse_than_those_in_full_are_drawn_together_if_runs_have_several(
    settings: dict[str, bool],
) -> None:
    campaign = with_runs(**settings)
    history = after(campaign, FIRST)
    for x, epochs, bad in ((0.15, 1, 300.0), (0.25, 1, 200.0), (0.35, 3, 100.0)):
        history = observed_at(history, Proposal(point={"x0": x, "epochs": epochs}, generator="manual"), bad, 0.1)
    model = choice_of(campaign, history).model
    assert (model.observed.outcomes.tail is not None) == bool(settings)
    assert model.tail_width == (1.0 if settings else None)
    asked = Asked(campaign, history, MODEL, Encoding(campaign.space), [], 1)
    record = model.posterior.as_record()
    again = Model.recalled(
        asked.situation.observed["loss"],
        MODEL,
        torch.Generator().manual_seed(3),
        record=record,
        jitter=model.posterior.jitter,
        tail_width=model.tail_width,
    )
    assert again.posterior.as_record() == record
    assert torch.equal(again.data.y, model.data.y)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({}, None),
        ({"curve": True}, (1, -1, -1, 4, 1, 1)),
        ({"resume": True}, (1, -1, -1, 4)),
        ({"resume": True, "curve": True}, (1, -1, -1, 4, 1, 1)),
    ],
)
def test_outcomes_below_full_fidelity_have_the_number_of_their_run(
    settings: dict[str, bool], runs: tuple[int, ...] | None
) -> None:
    campaign = with_runs(**settings)
    asked = Asked(campaign, with_a_curve(campaign), MODEL, Encoding(campaign.space), [], 1)
    found = asked.situation.observed["loss"]
    assert found.runs == runs
    part = found.part(range(2))
    assert part.runs == (None if runs is None else runs[:2])


def test_a_continued_evaluation_that_reports_its_earlier_steps_again_does_not_confirm_them() -> None:
    campaign = with_runs(resume=True, curve=True)
    history = after(campaign, [*FIRST, (0.3, 9)])
    trial = history.next_trial
    point: Point = {"x0": 0.3, "epochs": 81}
    started = attempt(trial).model_copy(update={"resumed": to_resume(history, point)})
    reports = [
        MeasurementReported(time=NOON, actor="test", trial=trial, attempt=1, step=step, metrics={"loss": mean(step)})
        for step in (1, 3, 9, 20, 27)
    ]
    history = history.extended([proposed(trial, point), started, *reports])
    asked = Asked(campaign, history, MODEL, Encoding(campaign.space), [], 1)
    found = asked.situation.observed["loss"]
    assert found.runs is not None
    outcomes = zip(found.trials, found.measured, found.runs, strict=True)
    known = [(of.id, measured) for of, measured, run in outcomes if run == trial - 1]
    assert known == [(trial - 1, mean(9)), (trial, mean(27))]


def mean(epochs: int) -> Measurement:
    """Return what a point is measured to have at so many epochs."""
    return Measurement(mean=loss({"x0": 0.3, "epochs": epochs}))


def test_the_outcome_of_a_continued_run_is_predicted_from_its_earlier_ones() -> None:
    campaign = with_runs(resume=True)
    measured = [*FIRST, *((x, level) for x in (0.15, 0.35, 0.55, 0.75) for level in (1, 3))]
    history, fidelity = after(campaign, measured), fidelity_of(campaign)
    choice = choice_of(campaign, history)
    point: Point = {"x0": 0.35, "epochs": 9}
    x, missing = Encoding(campaign.space).encode([point]), fidelity.missing(point)
    model, run = choice.model, choice.run_of(point)
    assert history.trials[run].point["x0"] == 0.35
    scatter = model.lower.theta[0, 2]
    scatter.fill_(math.log(1.0))
    (_, apart), (_, continued) = model.predicted(x, missing=missing), model.predicted(x, missing=missing, run=run)
    assert continued < apart
    assert choice.run_of({"x0": 0.36, "epochs": 9}) == -1
