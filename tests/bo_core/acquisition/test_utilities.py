import mpmath
import pytest
import torch
from one_metric import average, drawn, joint_draws
from surrogate_cases import central_differences, uniform
from told_campaigns import MODEL, campaign_of, cube, distance, provenance_of, told
from told_posteriors import a_posterior
from torch import Tensor

from overnight.bo_core.acquisition import Utility, utility_of
from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.upper_confidence_bound import UpperConfidenceBound
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.settings.acquisitions import ACQUISITIONS

UTILITIES = [LogExpectedImprovement(), LogProbabilityOfImprovement(), UpperConfidenceBound(1.5), SimpleRegret()]


def number(value: float) -> Tensor:
    return torch.tensor([[[value]]], dtype=torch.float64)


@pytest.mark.parametrize("v", [-1e6, -1e3, -40.0, -5.0, -1.0, 0.0, 0.5, 3.0, 8.0, 40.0, 1e5])
def test_the_probability_of_improvement_keeps_its_digits_far_from_the_best(v: float) -> None:
    sd, best = 0.25, 0.0
    found = LogProbabilityOfImprovement().evaluate(number(best + sd * v), number(sd), number(best))
    with mpmath.workdps(60):
        # erfc is accurate in the tail; ncdf is not.
        Phi = mpmath.erfc(-mpmath.mpf(v) / mpmath.sqrt(2)) / 2
        ratio = mpmath.npdf(v) / Phi
        expected = [mpmath.log(Phi), ratio / sd, -v * ratio / sd]
    for value, exact in zip((found.value, found.by_mean, found.by_sd), expected, strict=True):
        assert float(value) == pytest.approx(float(exact), rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("utility", UTILITIES, ids=lambda u: type(u).__name__)
@pytest.mark.parametrize("r", [0, 3])
def test_the_gradient_of_every_utility_is_that_of_finite_differences(utility: Utility, r: int) -> None:
    draws = joint_draws(a_posterior(), uniform(r, 3, 1), 64, more=1, seed=3)
    draws.add(uniform(1, 3, 2)[0])
    X = uniform(6, 3, 4)
    value, gradient = average(draws, utility).value_and_gradient(X)
    torch.testing.assert_close(value, average(draws, utility).value(X))
    numeric = central_differences(lambda x: average(draws, utility).value(x), X, 2e-5)
    torch.testing.assert_close(gradient, numeric, rtol=1e-6, atol=1e-6)


def test_the_upper_confidence_bound_sees_the_variance_that_pending_points_will_leave() -> None:
    posterior, pending, X = a_posterior(sets=1), uniform(4, 3, 1), uniform(10, 3, 2)
    value = average(joint_draws(posterior, pending, 4096, more=1, seed=3), UpperConfidenceBound(2.0)).value(X)
    mean, covariance = posterior.joint(torch.cat([X, pending]))
    cross, among = covariance[0, :10, 10:], covariance[0, 10:, 10:]
    left = covariance[0, :10, :10].diagonal() - (cross @ torch.linalg.inv(among) * cross).sum(1)
    torch.testing.assert_close(value, mean[0, :10] + 2.0 * left.sqrt(), rtol=0.0, atol=2e-3)


def test_simple_regret_is_the_posterior_mean_whatever_is_pending() -> None:
    posterior, X = a_posterior(), uniform(10, 3, 2)
    draws = joint_draws(posterior, uniform(4, 3, 1), 4096, more=1, seed=3)
    torch.testing.assert_close(average(draws, SimpleRegret()).value(X), posterior.averaged(X)[0], rtol=0.0, atol=2e-3)


def test_the_draws_of_each_set_of_hyperparameters_fill_the_cube_by_themselves() -> None:
    draws = joint_draws(a_posterior(sets=8), uniform(6, 3, 1), 16, more=1, seed=3)
    assert drawn(draws).normals.mean(1).abs().max() < 0.2


def test_the_probability_of_improvement_is_a_share_of_joint_samples() -> None:
    posterior, points, x = a_posterior(sets=1), uniform(4, 3, 1), uniform(1, 3, 2)
    value = average(joint_draws(posterior, points, 8192, more=1, seed=3), LogProbabilityOfImprovement()).value(x)
    mean, covariance = posterior.joint(torch.cat([x, points]))
    L = torch.linalg.cholesky(covariance[0] + 1e-10 * torch.eye(5, dtype=torch.float64))
    normals = torch.randn(5, 200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    f = mean[0, :, None] + L @ normals
    assert float(value.exp()) == pytest.approx(float((f[0] > f[1:].amax(0)).double().mean()), abs=0.01)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_every_acquisition_proposes_a_batch_of_different_points_and_is_named_in_their_provenance(
    acquisition: str,
) -> None:
    campaign = campaign_of(cube(2))
    proposer = MODEL.model_copy(update={"acquisition": acquisition, "replication": "never"})
    history = told(campaign, 10, pending=2)
    proposals = propose(campaign, history, proposer, 3)
    assert proposals == propose(campaign, history, proposer, 3)
    assert len({tuple(p.point.values()) for p in proposals}) == 3
    assert {provenance_of(p).chosen.acquisition for p in proposals} == {acquisition}


def test_more_exploration_goes_further_from_what_is_known() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 10)

    def nearest(exploration: float) -> float:
        more = {"acquisition": "upper_confidence_bound", "exploration": exploration, "replication": "never"}
        [proposal] = propose(campaign, history, MODEL.model_copy(update=more), 1)
        return min(distance(proposal.point, t.point) for t in history.trials.values())

    assert nearest(20.0) > nearest(0.0)


def test_only_thompson_sampling_has_no_utility() -> None:
    without = {a for a in ACQUISITIONS if utility_of(BayesianProposer(acquisition=a)) is None}
    assert without == {"thompson_sampling"}
