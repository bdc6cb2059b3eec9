import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from surrogate_cases import correlation_by_the_textbook, pooled_data, some_theta
from told_campaigns import QUICK, campaign_of, cube, history_of, provenance_of, some_points

from overnight.bo_core.propose import propose
from overnight.bo_core.surrogate import Hyperparameters, Posterior
from overnight.bo_core.surrogate.leave_one_out import leave_one_out, predicted_left_out
from overnight.campaign import Campaign, History


@pytest.mark.parametrize("noise", ["inferred", "known"])
def test_each_observation_is_predicted_by_a_model_that_never_saw_it(noise: str) -> None:
    data = pooled_data(9, 2, noise)
    hyperparameters = Hyperparameters(some_theta(2, 1), 2, "matern52", 0.0)
    posterior = Posterior.of(data, hyperparameters)
    Z = data.X.numpy() / hyperparameters.length_scales[0].numpy()
    variance, mean = data.noise(hyperparameters.noise_variance)[0].numpy(), float(posterior.mean[0])
    means, variances = predicted_left_out(posterior)
    total = 0.0
    for i in range(9):
        rest = [j for j in range(9) if j != i]
        K = correlation_by_the_textbook("matern52", cdist(Z[rest], Z[rest])) + np.diag(variance[rest])
        k = correlation_by_the_textbook("matern52", cdist(Z[[i]], Z[rest]))[0]
        predicted = mean + k @ np.linalg.solve(K, data.y.numpy()[rest] - mean)
        sd = np.sqrt(1.0 + variance[i] - k @ np.linalg.solve(K, k))
        assert float(means[0, i]) == pytest.approx(predicted, rel=1e-9)
        assert float(variances[0, i]) == pytest.approx(sd**2, rel=1e-9)
        total += norm.logpdf(float(data.y[i]), predicted, sd)
    assert leave_one_out(posterior) == pytest.approx(total, rel=1e-9)


def measured(campaign: Campaign, count: int, squeezed: bool) -> History:
    """Return a history of a smooth function of x, or of x squeezed so that the function varies mostly near 0."""
    points, noise = some_points(campaign, count), np.random.default_rng(0).normal(scale=0.05, size=count)
    values = [np.sin(9.0 * float(p["x0"]) ** (0.2 if squeezed else 1.0)) + float(p["x1"]) for p in points]
    return history_of(campaign, points, list(values + noise), [0.05] * count)


@pytest.mark.parametrize("squeezed", [True, False])
@pytest.mark.parametrize("count", [45, 140])
def test_inputs_are_warped_where_a_function_happens_near_an_edge_and_not_where_it_is_even(
    squeezed: bool, count: int
) -> None:
    campaign = campaign_of(cube(2))
    proposer = QUICK.model_copy(update={"initial": 2})
    history = measured(campaign, count, squeezed)
    [proposal] = propose(campaign, history, proposer, 1)
    model = provenance_of(proposal).models.metrics["loss"]
    recorded, starts = model.hyperparameters, model.starts
    assert ("log_warp_exponents" in recorded) == squeezed
    # The climb with warping is always recorded: on a part of the data and, if it improved the fit, on all data.
    asked, all_data = f"warped, {min(count, 128)} observations", f"warped, {count} observations"
    assert sum(name.endswith(asked) for name in starts) == 1
    assert sum(name.endswith(all_data) for name in starts) == (squeezed or count == 45)
    never = proposer.model_copy(update={"warping": "never"})
    [plain] = propose(campaign, history, never, 1)
    assert "log_warp_exponents" not in (provenance_of(plain).models.metrics["loss"].hyperparameters)
