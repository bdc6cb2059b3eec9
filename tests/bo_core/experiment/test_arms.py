import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from told_experiments import QUICK, Told, experiment

from overnight.bo_core.acquisition.replication import gains_in_best_mean
from overnight.bo_core.choice import Asked, Candidate, Choice
from overnight.bo_core.choice.arms import MULTIPLES, Arms, first_of_each
from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.experiment.next_batch import next_batch
from overnight.bo_core.model import Model
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Point, Proposal
from overnight.campaign.experiment.settings import Traffic

TRAFFIC = Traffic(per_batch=1000, status_quo=0.4)


def asked_of(told: Told, q: int = 3) -> Asked:
    """Return the request for a batch after some results."""
    campaign, history = told.campaign, told.history
    quo = campaign.space.point(dict(campaign.baseline or {}))
    return Asked(campaign, history, QUICK, Encoding(campaign.space), [quo], q)


def choice_of(told: Told, q: int = 3) -> Choice:
    """Return the choice of a batch after some results."""
    asked = asked_of(told, q)
    generator = torch.Generator().manual_seed(0)
    beliefs = {name: Model.of(each, QUICK, generator) for name, each in asked.situation.observed.items()}
    return Choice(asked, beliefs, generator, Weighting.fitted(asked.situation, QUICK), None)


@pytest.mark.parametrize("multiple", MULTIPLES)
@pytest.mark.parametrize("again", [(False, False, False), (True, False, True), (True, True, True)])
def test_all_shares_add_up_to_one_and_repeated_arms_get_a_multiple(again: Sequence[bool], multiple: int) -> None:
    arms = Arms(TRAFFIC, 6, frozenset(), frozenset(), 1.0)
    shares, new = arms.shares(again, multiple), 0.6 / (2 + sum(multiple if each else 1 for each in again))
    assert 0.4 + 2 * new + sum(shares) == pytest.approx(1.0, abs=1e-15)
    assert shares == pytest.approx([new * multiple if each else new for each in again], abs=1e-15)


def test_the_noise_of_an_arm_is_that_of_its_difference_to_the_status_quo() -> None:
    arms = Arms(TRAFFIC, 3, frozenset(), frozenset(), of_unit=50.0)
    # 300 units of the arm, and 400 of the status quo.
    assert arms.noise_of(0.3) == pytest.approx(50.0 / 300 + 50.0 / 400)
    assert arms.share_of_each == pytest.approx(0.3)


def test_the_variance_of_a_unit_is_that_of_results_times_their_units() -> None:
    told = Told(experiment())
    told.run(2, 1.0, sd=7.0)
    choice = choice_of(told)
    assert choice.arms is not None
    scale = choice.model.observed.outcomes.scale
    assert choice.arms.of_unit * scale**2 == pytest.approx(49.0, rel=1e-9)


def test_without_reported_units_they_are_those_that_were_planned() -> None:
    told = Told(experiment())
    for trial in told.propose():
        told.observe(trial, float(trial), 0.5)
    choice = choice_of(told)
    assert choice.arms is not None
    outcomes, arms = choice.model.observed.outcomes, told.history.trials
    planned = sorted((arms[i].proposal.weight or 0.0) * 60_000 for i in range(1, 7))
    assert choice.arms.of_unit * outcomes.scale**2 == pytest.approx(0.25 * planned[2], rel=1e-9)


def test_of_rows_with_the_same_point_the_first_counts() -> None:
    X = torch.tensor([[0.0, 1.0], [2.0, 2.0], [0.0, 1.0], [3.0, 1.0], [2.0, 2.0]])
    assert first_of_each(X, torch.tensor([4, 2, 1, 3, 0])).tolist() == [4, 2, 3]


def test_the_shares_are_those_with_which_the_best_mean_is_expected_to_rise_most() -> None:
    told = Told(experiment())
    told.run(2, 1.0, sd=40.0)
    choice = choice_of(told)
    observed, X = choice.model.observed, choice.model.data.X
    best = [observed.trials[int(i)].point for i in choice.incumbents[:2]]
    new: Point = {"x0": 0.05, "x1": 0.95}
    chosen = [Candidate(best[0], 1.0, "replication"), Candidate(best[1], 1.0, "replication"), Candidate(new, 1.0, "x")]
    quo = choice.arms.status_quo if choice.arms is not None else 0.0
    found = choice.shares(chosen)
    assert found[0] == found[1]

    places = choice.encoding.encode([*best, new, *(observed.trials[int(i)].point for i in choice.incumbents[2:])])
    mean, covariance = (each[0] for each in choice.posterior.joint(places))
    z = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def gain(multiple: int) -> float:
        """Return by how much the best mean rises after each measurement, summed, by simulation."""
        rest, total = (1 - quo) / (2 * multiple + 1), 0.0
        assert choice.arms is not None
        for i, times in enumerate((multiple, multiple, 1)):
            noise = choice.arms.of_unit / 60_000 * (1 / (rest * times) + 1 / quo)
            slope = covariance[:, i] / math.sqrt(float(covariance[i, i]) + noise)
            total += float((mean[:, None] + slope[:, None] * z).amax(0).mean() - mean.max())
        return total

    likeliest = max(MULTIPLES, key=gain)
    assert found[0] / found[2] == pytest.approx(likeliest)
    assert likeliest > 1, "an example in which traffic matters"
    assert len(X) == 12


def test_a_repetition_is_worth_the_gain_of_a_difference_to_the_status_quo_with_equal_shares() -> None:
    told = Told(experiment())
    told.run(3, 1.0, sd=40.0)
    choice = choice_of(told)
    new: Point = {"x0": 0.05, "x1": 0.95}
    found = choice.repetitions(new)
    assert found is not None
    assert choice.arms is not None
    assert len(choice.outstanding.coming) == 0, "the status quo is known from earlier batches"
    noise = choice.arms.noise_of((1 - choice.arms.status_quo) / 3)
    points = torch.cat([found.X, choice.encoding.encode([new])])
    noises = torch.full((1, len(points)), noise, dtype=torch.float64)
    expected = gains_in_best_mean(choice.posterior, points, noises, points[:0], noises[:, 0])
    assert torch.equal(found.gains, expected[:-1])
    assert found.of_new == float(expected[-1])


def test_a_point_of_several_batches_is_one_incumbent() -> None:
    told = Told(experiment(baseline={"x0": 0.7, "x1": 0.35}))
    told.run(3, 1.0, sd=40.0)
    choice = choice_of(told)
    places = choice.model.data.X[choice.incumbents]
    assert len(torch.unique(places, dim=0)) == len(places)
    quo = choice.encoding.encode([told.campaign.space.point({"x0": 0.7, "x1": 0.35})])
    assert bool((places == quo).all(1).any())


def test_neither_the_status_quo_nor_an_arm_of_the_batch_is_repeated_in_it() -> None:
    told = Told(experiment(arms=8, budget={"trials": 40}))
    told.run(2, 1.0, sd=100.0)
    arms: list[Proposal] = next_batch(told.campaign, told.history, told.proposer)
    places = [tuple(sorted(arm.point.items())) for arm in arms]
    assert len(set(places)) == len(places) == 8
    assert any(arm.provenance and arm.provenance.chosen.acquisition == "replication" for arm in arms[1:])


def test_points_whose_results_break_a_guardrail_are_not_measured_again() -> None:
    told = Told(experiment())
    told.run(1, 1.0)
    choice, bad = choice_of(told), told.history.trials[3].point
    arms = Arms.of(replace(asked_of(told), breached=[bad]), choice.model)
    assert choice.arms is not None
    assert arms == replace(choice.arms, stopped=frozenset([key_of(bad)]))
