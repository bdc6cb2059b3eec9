import math
import random
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from surrogate_cases import one_set, some_theta, uniform
from told_campaigns import MODEL, add, bowl, campaign_of, cube, history_of, key, observed, provenance_of, some_points
from torch import Tensor

from overnight.bo_core.acquisition.replication import expected_gain, gains_in_best_mean
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.surrogate import Hyperparameters, Posterior, TrainingData
from overnight.campaign import History, Point, Proposal

REPEATING = MODEL.model_copy(update={"replication": "always"})
NOBODY = torch.empty(0, 2, dtype=torch.float64)


def observations(n: int = 12, variance: float = torch.nan) -> TrainingData:
    X = uniform(n, 2, 3)
    y = torch.sin(5.0 * X).sum(1) + 0.4 * torch.randn(
        n, generator=torch.Generator().manual_seed(4), dtype=torch.float64
    )
    return TrainingData.of(X, (y - y.mean()) / y.std(), torch.full((n,), variance))


LINES = {
    "one": ([0.3], [2.0]),
    "two": ([0.0, 0.5], [1.0, -0.3]),
    "parallel": ([0.0, 0.5, 0.2], [1.0, 1.0, 1.0]),
    "the same": ([0.4, 0.4, 0.4], [0.7, 0.7, 0.7]),
    "flat": ([0.1, 0.9, 0.4], [0.0, 0.0, 0.0]),
    "parallel among others": ([0.0, 0.5, 0.2, 0.1, 0.1], [1.0, 1.0, -2.0, -2.0, 0.0]),
    "steepest parallel and lower": ([0.5, 0.1, 0.3], [-1.0, 2.0, 2.0]),
    "one that is never the highest": ([0.0, -5.0, 0.0], [-1.0, 0.0, 1.0]),
    "three through one point": ([0.0, 0.0, 0.0], [-1.0, 0.0, 1.0]),
    "one far below": ([0.0, -1e6], [0.0, 1.0]),
}


def by_quadrature(intercepts: list[float], slopes: list[float]) -> float:
    a, b = np.array(intercepts), np.array(slopes)
    meets = [(a[i] - a[j]) / (b[j] - b[i]) for i in range(len(a)) for j in range(i) if b[i] != b[j]]
    edges = [-12.0, *sorted({round(z, 9) for z in meets if abs(z) < 12.0}), 12.0]
    return sum(quad(lambda z: float((a + b * z).max() * norm.pdf(z)), *part)[0] for part in pairwise(edges))


@pytest.mark.parametrize("name", LINES)
def test_the_expected_maximum_of_lines_is_that_of_quadrature(name: str) -> None:
    intercepts, slopes = LINES[name]
    a, b = (torch.tensor(part, dtype=torch.float64) for part in (intercepts, slopes))
    expected = by_quadrature(intercepts, slopes)
    assert expected_gain(a, b) + max(intercepts) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_expected_maximum_of_random_lines_is_that_of_quadrature(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # Rounded, so that some lines are parallel and some meet in one point.
    intercepts, slopes = generator.standard_normal((2, 14)).round(1).tolist()
    a, b = (torch.tensor(part, dtype=torch.float64) for part in (intercepts, slopes))
    assert expected_gain(a, b) + max(intercepts) == pytest.approx(by_quadrature(intercepts, slopes), rel=1e-9)


def test_a_gain_too_small_to_be_seen_in_the_maximum_keeps_its_digits() -> None:
    # The expected value is (b₂ − b₁) h(−8) with h(−8) = φ(8) − 8 (1 − Φ(8)), in many digits.
    found = expected_gain(torch.tensor([1.0, 0.2], dtype=torch.float64), torch.tensor([0.0, 0.1], dtype=torch.float64))
    with mpmath.workdps(50):
        h = mpmath.npdf(8) - 8 * mpmath.ncdf(-8)
    assert found == pytest.approx(float(h) * 0.1, rel=1e-9)


def gains_by_simulation(
    posterior: Posterior, member: int, points: Tensor, noise: Tensor, fixed: Tensor, samples: int
) -> Tensor:
    """Return the gains [c] of one set, each by drawing outcomes at one point and conditioning the model on them."""
    mean, covariance = (part[member] for part in posterior.joint(torch.cat([points, fixed])))
    c, p = len(points), len(fixed)
    sigma2 = float(posterior.hyperparameters.noise_variance[member])
    normals = torch.randn(samples, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gains = []
    for j in range(c):
        # Outstanding measurements have their expected outcomes; then the measurement at j has any outcome.
        told = [*range(c, c + p), j]
        K = covariance[told][:, told] + torch.diag(torch.tensor([sigma2] * p + [float(noise[member, j])]))
        K, cross = K.double(), covariance[:, told]
        left = K[p, p] - (K[p, :p] @ torch.linalg.solve(K[:p, :p], K[:p, p]) if p else 0.0)
        outcome = mean[j] + left.sqrt() * normals
        surprise = torch.cat([torch.zeros(p, samples).double(), (outcome - mean[j])[None]])
        after = mean[:, None] + cross @ torch.linalg.solve(K, surprise)
        gains.append(after.amax(0).mean() - mean.max())
    return torch.stack(gains)


@pytest.mark.parametrize("pending", [0, 3])
def test_the_gain_of_a_measurement_is_that_of_telling_the_model_of_simulated_outcomes(pending: int) -> None:
    hyperparameters = Hyperparameters(some_theta(2, 3), 2, "matern52", 1e-8)
    posterior, points = Posterior.of(observations(), hyperparameters), uniform(6, 2, 8)
    noise = hyperparameters.noise_variance[:, None] + torch.tensor([0.0, 0.1, 0.0, 0.5, 0.0, 1.0], dtype=torch.float64)
    fixed = uniform(pending, 2, 9)
    found = gains_in_best_mean(posterior, points, noise, fixed, hyperparameters.noise_variance)
    each = [gains_by_simulation(posterior, m, points, noise, fixed, 400_000) for m in range(3)]
    torch.testing.assert_close(found, torch.stack(each).mean(0), rtol=0.02, atol=1e-3)


def test_what_was_measured_without_noise_gains_nothing_from_another_measurement() -> None:
    data = observations(variance=0.0)
    posterior = Posterior.of(data, one_set([0.5, 0.5], 0.1, 1e-10))
    gains = gains_in_best_mean(posterior, data.X, torch.zeros(1, 12).double(), NOBODY, torch.zeros(1).double())
    assert gains.tolist() == [0.0] * 12


def test_a_noisier_measurement_gains_less_and_one_that_is_pending_already_too() -> None:
    data = observations()
    posterior = Posterior.of(data, one_set([0.5, 0.5], 0.3))
    noise = torch.full((1, 12), 0.3, dtype=torch.float64)
    gains = gains_in_best_mean(posterior, data.X, noise, NOBODY, noise[:, 0])
    noisier = gains_in_best_mean(posterior, data.X, 10.0 * noise, NOBODY, noise[:, 0])
    hopeful = gains > 1e-6
    assert int(hopeful.sum()) > 3
    assert bool((noisier >= 0.0).all() & (noisier <= gains).all() & (noisier < gains)[hopeful].all())
    best = int(gains.argmax())
    assert gains_in_best_mean(posterior, data.X, noise, data.X[[best] * 5], noise[:, 0])[best] < gains[best]


def told_noisily(sd: float, count: int, sem: float | None, parameters: dict) -> History:
    campaign, noisy = campaign_of(parameters), random.Random(3)
    points = some_points(campaign, count)
    means = [bowl(p) + sd * noisy.gauss(0, 1) for p in points]
    return history_of(campaign, points, means, None if sem is None else [sem] * count)


def proposed_in_turn(parameters: dict, history: History, sd: float, sem: float | None, count: int) -> list[Point]:
    """Return the points of the given number of proposals, each observed before the next."""
    campaign, noisy, points = campaign_of(parameters), random.Random(5), []
    for _ in range(count):
        [proposal] = propose(campaign, history, REPEATING, 1)
        trial, history = history.next_trial, add(history, [proposal])
        history = history.extended([observed(trial, bowl(proposal.point) + sd * noisy.gauss(0, 1), sem)])
        points.append(proposal.point)
    return points


def criterion(proposal: Proposal) -> str | None:
    return provenance_of(proposal).chosen.acquisition


LINE = {"x0": {"kind": "float", "low": 0.001, "high": 0.77, "scale": "log"}}


@pytest.mark.parametrize(("parameters", "sem"), [(LINE, None), (LINE, 1.0), (cube(2), 1.0)])
def test_where_noise_dominates_a_point_is_measured_again_at_some_time(parameters: dict, sem: float | None) -> None:
    history = told_noisily(1.0, 40, sem, parameters)
    known = {key(t.point) for t in history.trials.values()}
    points = proposed_in_turn(parameters, history, 1.0, sem, 6)
    # The point is the same to the last bit, with any scale of its parameters: only then are the results pooled.
    assert len(known | {key(p) for p in points}) < 40 + 6


@pytest.mark.parametrize("parameters", [cube(2), LINE])
def test_a_repetition_is_the_same_point_to_the_last_bit_and_says_what_it_was_chosen_for(parameters: dict) -> None:
    campaign, history = campaign_of(parameters), told_noisily(1.0, 40, 1.0, parameters)
    known = {key(t.point) for t in history.trials.values()}
    proposals = propose(campaign, history, REPEATING, 4)
    assert "replication" in {provenance_of(p).chosen.acquisition for p in proposals}
    for proposal in proposals:
        provenance = provenance_of(proposal)
        assert (provenance.chosen.acquisition == "replication") == (key(proposal.point) in known)
        assert math.isfinite(provenance.chosen.value or math.nan)
        known.add(key(proposal.point))


def test_by_default_it_is_in_finite_spaces_that_points_are_measured_again() -> None:
    default = MODEL.model_copy(update={"replication": BayesianProposer().replication})
    finite = {f"x{i}": {"kind": "ordinal", "choices": [j / 10 for j in range(11)]} for i in range(2)}
    for parameters, repeats in ((finite, True), (cube(2), False)):
        campaign, history = campaign_of(parameters), told_noisily(1.0, 40, 1.0, parameters)
        assert ("replication" in {criterion(p) for p in propose(campaign, history, default, 4)}) == repeats
        assert "replication" in {criterion(p) for p in propose(campaign, history, REPEATING, 4)}


@pytest.mark.parametrize("count", [6, 25])
def test_exact_results_are_never_measured_again(count: int) -> None:
    points = proposed_in_turn(cube(2), told_noisily(0.0, count, 0.0, cube(2)), 0.0, 0.0, 5)
    known = {key(p) for p in some_points(campaign_of(cube(2)), count)}
    assert len(known | {key(p) for p in points}) == count + 5


def test_whoever_wants_new_points_gets_new_points() -> None:
    campaign, history = campaign_of(cube(2)), told_noisily(1.0, 40, None, cube(2))
    known = {key(t.point) for t in history.trials.values()}
    batch = propose(campaign, history, MODEL, 6)
    assert len(known | {key(p.point) for p in batch}) == 46
