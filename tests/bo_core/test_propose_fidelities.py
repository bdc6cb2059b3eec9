"""Proposals choose a fidelity by gain and cost, and the end of the budget measures the best point in full."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from told_campaigns import (
    AVERAGED,
    MODEL,
    NOON,
    QUICK,
    add,
    attempt,
    bowl,
    campaign_of,
    cube,
    defined,
    observed,
    proposed,
    provenance_of,
)
from told_fidelities import EPOCHS, cheap, fidelity_of, loss, misleading, observed_at, run

from overnight.bo_core import SobolProposer
from overnight.bo_core.acquisition.replication import expected_gain
from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.appraisal.recorded import Contradicted
from overnight.bo_core.choice import Asked, Choice
from overnight.bo_core.choice.fidelities import GAIN_PER_COST, MOST_INCUMBENTS
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.errors import SpaceExhausted
from overnight.campaign.history.events import MeasurementReported
from overnight.campaign.standing.fidelity_costs import FidelityCosts


def full_share(campaign: Campaign, history: History) -> float:
    fidelity = fidelity_of(campaign)
    costs = [
        (fidelity.is_full(t.point), fidelity.parameter.cost(fidelity.of(t.point))) for t in history.trials.values()
    ]
    return sum(cost for is_full, cost in costs if is_full) / sum(cost for _, cost in costs)


def test_the_recommended_point_was_measured_at_full_fidelity_at_the_end_of_the_budget() -> None:
    campaign = cheap(cost=6.0)
    history = run(campaign)
    found = recommend(campaign, history, QUICK)
    assert found is not None
    assert found.trial is not None
    assert fidelity_of(campaign).is_full(history.trials[found.trial].point)
    assert found.point["epochs"] == 81
    assert any(trial.proposal.generator == "confirming" for trial in history.trials.values())
    assert sum(trial.outcome.cost for trial in history.trials.values()) <= 6.0 + 1e-9  # pyright: ignore


def test_cheap_fidelities_find_a_better_point_than_full_ones_at_the_same_cost() -> None:
    better = 0
    for seed in range(4):
        campaign = cheap(cost=6.0, parameters=cube(4), seed=seed)
        found = recommend(campaign, run(campaign), QUICK)
        plain = campaign_of(cube(4), budget={"trials": 6}, seed=seed)
        history = History.from_events([defined(plain)])
        for _ in range(6):
            [proposal] = propose(plain, history, QUICK, 1)
            history = observed_at(history, proposal, bowl(proposal.point), 1.0)
        in_full = recommend(plain, history, QUICK)
        assert found is not None
        assert in_full is not None
        better += bowl(found.point) < bowl(in_full.point)
    assert better >= 3


def test_a_third_of_the_cost_is_spent_at_full_fidelity_even_if_low_ones_seem_to_gain_more() -> None:
    campaign = cheap(cost=10.0, parameters=cube(1))
    assert full_share(campaign, run(campaign, misleading)) >= 1.0 / 3.0 - 0.1


def test_the_full_evaluations_of_the_first_phase_are_no_part_of_the_third() -> None:
    """Whenever the model has spent less than a third at full fidelity, it measures in full; it is asked one by one."""
    campaign = cheap(cost=20.4, parameters=cube(1))
    fidelity, first, owed = fidelity_of(campaign), 5, 0
    of_full, of_lower = -first * fidelity.parameter.cost(81), 0.0
    for _, trial in sorted(run(campaign, misleading, most=60).trials.items()):
        is_full, owes = fidelity.is_full(trial.point), max(of_full, 0.0) < (max(of_full, 0.0) + of_lower) / 3.0
        if trial.proposal.generator == "model" and owes:
            assert is_full, f"trial {trial.id}"
            owed += 1
        cost = fidelity.parameter.cost(fidelity.of(trial.point))
        of_full, of_lower = of_full + cost * is_full, of_lower + cost * (not is_full)
    assert owed >= 2


@pytest.mark.parametrize(("cost", "in_full"), [(100.0, 5), (20.4, 5), (12.3, 3), (3.0, 1)])
def test_the_first_points_are_full_for_at_most_a_quarter_of_the_budget(cost: float, in_full: int) -> None:
    campaign = cheap(parameters=cube(8), cost=cost)
    points = [p.point for p in propose(campaign, History.from_events([defined(campaign)]), QUICK, 12)]
    epochs = [point["epochs"] for point in points]
    assert epochs[: in_full + 4] == [81] * in_full + [27, 9, 3, 1]
    assert 81 not in epochs[in_full:]


def test_as_much_as_for_a_full_point_is_then_spent_at_each_lower_fidelity() -> None:
    campaign = cheap(parameters=cube(8), cost=100.0)
    points = [p.point for p in propose(campaign, History.from_events([defined(campaign)]), QUICK, 16)]
    assert Counter(point["epochs"] for point in points)[1] > 4
    one_by_one, history = list[Point](), History.from_events([defined(campaign)])
    for _ in range(16):
        [proposal] = propose(campaign, history, QUICK, 1)
        one_by_one.append(proposal.point)
        history = add(history, [proposal])
    assert one_by_one == points


def test_a_sobol_proposer_never_repeats_a_point_at_another_fidelity() -> None:
    campaign, proposer = cheap(), SobolProposer()
    history = History.from_events([defined(campaign)])
    for _ in range(12):
        history = add(history, propose(campaign, history, proposer, 1))
    assert len({(t.point["x0"], t.point["x1"]) for t in history.trials.values()}) == 12


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("proposer", [MODEL, AVERAGED])
def test_the_gain_is_that_of_updating_every_belief_with_the_measurement(proposer, resume: bool) -> None:
    campaign = cheap(cost=100.0, fidelity={"epochs": {**EPOCHS["epochs"], "resume": resume}})
    history = run(campaign, most=14)
    pending = propose(campaign, history, proposer, 2)
    history = add(history, pending)
    asked = Asked(campaign, history, proposer, Encoding(campaign.space), [], 1)
    generator = torch.Generator().manual_seed(3)
    model = Model.of(asked.situation.observed["loss"], proposer, generator, sets=proposer.sets_of_proposals)
    choice = Choice(asked, {"loss": model}, generator, Weighting(), None)
    new = choice.searched(choice.prepared()).point
    options = choice.options(new)
    fidelity, costs = fidelity_of(campaign), FidelityCosts.of(fidelity_of(campaign), history)
    tried = {tuple(sorted(o.point.items())) for o in options}
    known = [choice.tried_at(model.data.X[i]) for i in choice.incumbents[:MOST_INCUMBENTS]]
    best = [fidelity.at(point) for point in (new, *known, *(p.point for p in pending))]
    noise = model.posterior.replicate_noise(model.data).median(1).values
    assert len(tried) == len(options) > 4
    for option in options[:6]:
        outcome = [option.point, *(p.point for p in pending)]
        X = Encoding(campaign.space).encode([*best, *outcome])
        missing = torch.tensor([0.0] * len(best) + [fidelity.missing(p) for p in outcome], dtype=torch.float64)
        runs = torch.tensor([-1] * len(best) + [choice.run_of(p) for p in outcome]) if resume else None
        mean, covariance = model.lower.joint(X, missing, runs)
        gains = []
        for m, C, variance in zip(mean, covariance, noise, strict=True):
            b = len(best)
            E = C + variance * torch.diag(torch.tensor([0.0] * b + [1.0] * 3, dtype=torch.float64))
            # Condition on the pending outcomes, then on the option's.
            P = E[b + 1 :, b + 1 :]
            left = E[: b + 1, : b + 1] - E[: b + 1, b + 1 :] @ torch.linalg.solve(P, E[b + 1 :, : b + 1])
            gains.append(expected_gain(m[:b], left[:b, b] / left[b, b].sqrt()))
        expected = sum(gains) / len(gains) / costs.at(option.point) ** 0.5
        assert option.value == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_a_fidelity_is_chosen_that_the_budget_pays_for_beside_the_confirming_trial() -> None:
    campaign = cheap(cost=4.0)
    history, fidelity = History.from_events([defined(campaign)]), fidelity_of(campaign)
    spent = 0.0
    while (proposal := propose(campaign, history, QUICK, 1)[0]).generator != "confirming":
        cost = fidelity.parameter.cost(fidelity.of(proposal.point))
        spent += cost
        history = observed_at(history, proposal, loss(proposal.point), cost)
        assert spent <= 4.0 - fidelity.parameter.cost(81) + 1e-6
    assert fidelity.is_full(proposal.point)


def test_recorded_costs_replace_the_declared_ones() -> None:
    campaign = cheap()
    history, fidelity = History.from_events([defined(campaign)]), fidelity_of(campaign)
    for point, cost in (({"x0": 0.1, "x1": 0.1, "epochs": 81}, 50.0), ({"x0": 0.1, "x1": 0.2, "epochs": 9}, 20.0)):
        history = observed_at(history, Proposal(point=point, generator="manual"), 1.0, cost)
    costs = FidelityCosts.of(fidelity, history)
    assert costs.full == pytest.approx(50.0)
    assert costs.at({"x0": 0.5, "x1": 0.5, "epochs": 9}) == pytest.approx(20.0)
    # The ratio of the closest fidelity with a recorded cost.
    declared = fidelity.parameter.cost
    assert costs.at({"x0": 0.5, "x1": 0.5, "epochs": 3}) == pytest.approx(20.0 * declared(3) / declared(9))


def test_an_evaluation_that_resumes_costs_only_the_rest() -> None:
    campaign = cheap(fidelity={"epochs": {**EPOCHS["epochs"], "resume": True}})
    fidelity, ended = fidelity_of(campaign), [{"x0": 0.1, "x1": 0.1, "epochs": 27}]
    assert fidelity.cost({"x0": 0.1, "x1": 0.1, "epochs": 81}, ended) == pytest.approx(0.02 + 54 / 81)
    assert fidelity.cost({"x0": 0.1, "x1": 0.2, "epochs": 81}, ended) == pytest.approx(1.02)
    assert fidelity.cost({"x0": 0.1, "x1": 0.1, "epochs": 9}, ended) == pytest.approx(0.02 + 9 / 81)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("proposer", [MODEL, AVERAGED])
def test_each_proposal_of_a_batch_is_appraised_as_it_was_made(proposer, resume: bool) -> None:
    fidelity = {"epochs": {**EPOCHS["epochs"], "resume": resume}}
    campaign = cheap(cost=100.0, constraints=["size <= 10"], fidelity=fidelity)
    history = run(cheap(cost=100.0, fidelity=fidelity), most=13)
    made = propose(fidelity_campaign := history.definition, history, proposer, 3)
    assert {provenance_of(p).chosen.acquisition for p in made} == {GAIN_PER_COST}
    asked = Asked(fidelity_campaign, history, proposer, Encoding(campaign.space), [], 3)
    for appraisal in appraise(asked, made):
        assert appraisal.objections == []
        assert all(figure.apart < 1e-9 for figure in appraisal.figures)
    elsewhere = made[0].model_copy(update={"point": {**made[0].point, "epochs": 80}})
    with pytest.raises(Contradicted):
        appraise(replace(asked, q=1), [elsewhere])


def test_the_same_history_gives_the_same_proposals_to_the_last_bit() -> None:
    campaign = cheap()
    history = run(campaign, most=11)
    assert propose(campaign, history, QUICK, 3) == propose(campaign, history, QUICK, 3)


def test_a_finite_space_ends_once_every_point_was_measured_in_full() -> None:
    campaign = cheap(cost=1000.0, parameters={"n": {"kind": "int", "low": 0, "high": 2}})
    history, tried = History.from_events([defined(campaign)]), list[Point]()
    with suppress(SpaceExhausted):
        while len(tried) < 16:
            [proposal] = propose(campaign, history, QUICK, 1)
            assert proposal.point not in tried
            tried.append(proposal.point)
            history = observed_at(history, proposal, float(proposal.point["n"]), 0.1)
    assert len(tried) < 16
    assert {point["n"] for point in tried if point["epochs"] == 81} == {0, 1, 2}


def test_without_a_result_at_full_fidelity_the_most_thorough_one_is_recommended() -> None:
    campaign = cheap()
    history = History.from_events([defined(campaign)])
    for x, epochs, value in ((0.1, 3, 0.0), (0.2, 9, 2.0), (0.3, 9, 1.0)):
        point: Point = {"x0": x, "x1": x, "epochs": epochs}
        history = observed_at(history, Proposal(point=point, generator="manual"), value, 0.1)
    found = recommend(campaign, history, QUICK)
    assert found is not None
    assert found.trial == 3
    assert found.without_model is not None


def with_reports(campaign: Campaign, steps: dict[int, float], *, ended: bool = True) -> History:
    """Return a history of one trial at full fidelity with these reports, and perhaps its result."""
    point: Point = {"x0": 0.5, "x1": 0.5, "epochs": 81}
    events = [defined(campaign), proposed(1, point), attempt(1)]
    events += [
        MeasurementReported.model_validate(
            {
                "time": NOON,
                "actor": "test",
                "trial": 1,
                "attempt": 1,
                "step": step,
                "metrics": {"loss": {"mean": value}},
            }
        )
        for step, value in steps.items()
    ]
    return History.from_events([*events, *([observed(1, 0.25)] if ended else [])])


def known_at(campaign: Campaign, history: History) -> list[tuple[float, float]]:
    """Return how much of the fidelity each known outcome of the loss lacks, and its mean."""
    other = {"x0": 0.1, "x1": 0.1, "epochs": 81}
    history = observed_at(history, Proposal(point=other, generator="manual"), 9.0, 1.0)
    asked = Asked(campaign, history, QUICK, Encoding(campaign.space), [], 1)
    found = asked.situation.observed["loss"]
    assert found.missing is not None
    return [
        (round(81 ** (1.0 - lacks)), measured.mean)
        for lacks, measured in zip(found.missing, found.measured, strict=True)
    ]


def test_reports_are_results_at_the_fidelity_of_their_step_one_for_each_level() -> None:
    campaign = cheap(fidelity={"epochs": {**EPOCHS["epochs"], "curve": True}})
    steps = {0: 5.0, 1: 4.0, 2: 3.5, 3: 3.0, 5: 2.0, 8: 1.5, 40: 0.5, 81: 0.3, 90: 7.0}
    known = known_at(campaign, with_reports(campaign, steps))
    # The report at 40 errs as the result does.
    assert known == [(81, 0.25), (81, 9.0), (1, 4.0), (3, 3.0), (8, 1.5)]


def test_reports_of_running_trials_are_known_and_the_trial_is_still_outstanding() -> None:
    campaign = cheap(fidelity={"epochs": {**EPOCHS["epochs"], "curve": True}})
    history = with_reports(campaign, {1: 4.0, 9: 2.0, 81: 0.3}, ended=False)
    assert known_at(campaign, history) == [(81, 9.0), (1, 4.0), (9, 2.0), (81, 0.3)]
    assert [trial.id for trial in history.model_view().pending] == [1]


def test_without_a_curve_reports_are_no_results() -> None:
    campaign = cheap()
    assert known_at(campaign, with_reports(campaign, {1: 4.0, 9: 2.0})) == [(81, 0.25), (81, 9.0)]


def test_curves_tell_what_separate_cheap_trials_would() -> None:
    curve, plain = (
        cheap(cost=100.0, fidelity={"epochs": {**EPOCHS["epochs"], "curve": known}}) for known in (True, False)
    )
    errors = []
    for campaign in (curve, plain):
        history = History.from_events([defined(campaign)])
        for i in range(5):
            point: Point = {"x0": 0.1 + 0.2 * i, "x1": 0.9 - 0.15 * i, "epochs": 81 if i < 2 else 27}
            number, reports = history.next_trial, [1, 3, 9, 27]
            history = history.extended([proposed(number, point), attempt(number)])
            history = history.extended(
                MeasurementReported.model_validate(
                    {
                        "time": NOON,
                        "actor": "test",
                        "trial": number,
                        "attempt": 1,
                        "step": step,
                        "metrics": {"loss": {"mean": loss({**point, "epochs": step})}},
                    }
                )
                for step in reports
                if step < point["epochs"]  # pyright: ignore
            )
            history = history.extended([observed(number, loss(point))])
        asked = Asked(campaign, history, QUICK, Encoding(campaign.space), [], 1)
        model = Model.of(asked.situation.observed["loss"], QUICK, torch.Generator().manual_seed(0))
        at: Point = {"x0": 0.5, "x1": 0.6, "epochs": 81}
        errors.append(abs(model.predicted(asked.encoding.encode([at]))[0] - loss(at)))
    assert errors[0] < errors[1]
