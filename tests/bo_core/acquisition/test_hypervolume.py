"""The score of several objectives agrees with plain sampling and BoTorch, is smooth, and finite whatever is drawn."""

import math

import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.models.deterministic import GenericDeterministicModel
from botorch.utils.multi_objective.box_decompositions.non_dominated import NondominatedPartitioning
from surrogate_cases import central_differences, uniform
from told_posteriors import a_posterior
from torch import Tensor

from overnight.bo_core.acquisition import AverageScore, Drawn, JointDraws
from overnight.bo_core.acquisition.front import HypervolumeImprovement, could_be_on_front
from overnight.bo_core.acquisition.front.scalarised import Scalarised, directions, log_constant
from overnight.bo_core.acquisition.limited import Allowed, Threshold
from overnight.bo_core.surrogate import Conditional

METRICS = ("speed", "heat", "cost", "size", "noise")
REFERENCE = {"speed": -0.8, "heat": -1.0, "cost": -0.9, "size": -0.7, "noise": -1.1}
LIMITS = {
    "no limits": ({}, None),
    "a limit of another metric": ({"weight": Allowed((), (Threshold(0.3),))}, None),
    "a limit relative to the first point": ({"weight": Allowed((), (Threshold(-0.1, 1.2),))}, 0),
    "limits of an objective": ({"heat": Allowed((Threshold(-0.4),), (Threshold(1.2),))}, None),
    "a limit of an objective below the reference": ({"speed": Allowed((), (Threshold(-1.5),))}, None),
    "a limit of an objective just above the reference": ({"speed": Allowed((), (Threshold(-0.5),))}, None),
    "a limit that nothing meets": ({"weight": Allowed((Threshold(30.0),))}, None),
}


def joint_draws(points: Tensor, draws: int, objectives: int, sets: int = 1) -> JointDraws:
    names = [*METRICS[:objectives], "weight"]
    kernels = ("matern52", "rbf")
    posteriors = {
        name: a_posterior(n=12 + 3 * i, sets=sets, kernel=kernels[i % 2], noise=0.2) for i, name in enumerate(names)
    }
    return JointDraws(posteriors, points, draws, 1, seed=3)


def score(objectives: int, limits: str = "no limits") -> HypervolumeImprovement:
    allowed, baseline = LIMITS[limits]
    return HypervolumeImprovement({name: REFERENCE[name] for name in METRICS[:objectives]}, allowed, baseline)


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize(("objectives", "sets"), [(2, 1), (2, 3), (3, 1), (5, 1)])
def test_gradients_run_back_through_every_metric_and_are_finite(limits, objectives, sets):
    draws = joint_draws(uniform(5, 3, 1), 32, objectives, sets)
    draws.add(uniform(1, 3, 2)[0])
    average, X = AverageScore(draws, score(objectives, limits)), 0.02 + 0.96 * uniform(6, 3, 4)
    value, gradient = average.value_and_gradient(X)
    assert bool(value.isfinite().all() & gradient.isfinite().all())
    torch.testing.assert_close(value, average.value(X))
    tolerance = 2e-5 if objectives <= 3 else 1e-4
    torch.testing.assert_close(gradient, central_differences(average.value, X, 2e-5), rtol=tolerance, atol=tolerance)


def samples_of(draws: JointDraws, points: Tensor, count: int) -> dict[str, Tensor]:
    """Return joint samples [r, count] of each metric."""
    samples = {}
    for i, (metric, belief) in enumerate(draws.beliefs.items()):
        mean, covariance = belief.joint(points)
        L = torch.linalg.cholesky(covariance[0] + 1e-9 * torch.eye(len(points), dtype=torch.float64))
        generator = torch.Generator().manual_seed(i)
        samples[metric] = mean[0, :, None] + L @ torch.randn(
            len(points), count, generator=generator, dtype=torch.float64
        )
    return samples


def allowed_in(samples: dict[str, Tensor], limits: str) -> Tensor:
    """Return which points [r, count] meet all limits in each sample; the first one is the candidate."""
    allowed, baseline = LIMITS[limits]
    feasible = torch.ones_like(samples["speed"], dtype=torch.bool)
    for metric, each in allowed.items():
        f = samples[metric]
        base = 0.0 if baseline is None else f[1 + baseline]
        for limit in each.lows:
            feasible &= f >= limit.constant + limit.slope * base
        for limit in each.highs:
            feasible &= f <= limit.constant + limit.slope * base
    return feasible


@pytest.mark.slow
@pytest.mark.parametrize("limits", ["no limits", "a limit relative to the first point", "limits of an objective"])
@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_the_score_is_the_mean_hypervolume_that_is_gained_over_joint_samples(limits, objectives):
    """A random place counts if it is dominated by the candidate and by no other feasible point of the sample."""
    points, pool, names = uniform(4, 3, 1), uniform(100, 3, 2), METRICS[:objectives]
    draws = joint_draws(points, 2048, objectives)
    values = AverageScore(draws, score(objectives, limits)).value(pool)
    x, found, count, width = pool[values.argmax()][None], float(values.max().exp()), 400_000, 4.0
    samples = samples_of(draws, torch.cat([x, points]), count)
    generator, beats = torch.Generator().manual_seed(9), allowed_in(samples, limits)
    for name in names:
        beats &= samples[name] > REFERENCE[name] + width * torch.rand(count, generator=generator, dtype=torch.float64)
    share = float((beats[0] & ~beats[1:].any(0)).double().mean())
    assert found == pytest.approx(share * width**objectives, rel=0.08)


@pytest.mark.parametrize("objectives", [2, 3])
def test_with_a_known_front_it_is_the_improvement_of_botorch(objectives):
    generator, names = torch.Generator().manual_seed(5), METRICS[:objectives]
    Y, mean = (torch.randn(n, objectives, generator=generator, dtype=torch.float64) for n in (9, 6))
    sd, worst = torch.linspace(0.2, 1.5, objectives, dtype=torch.float64), [REFERENCE[name] for name in names]

    class Normals(GenericDeterministicModel):
        def posterior(self, X, *args, **kwargs):
            del args, kwargs

            class Belief:
                def __init__(self):
                    self.mean, self.variance = mean[:, None], sd.square().expand(6, 1, objectives)
                    self.device, self.dtype = X.device, X.dtype

            return Belief()

    parts = NondominatedPartitioning(torch.tensor(worst, dtype=torch.float64), Y)
    theirs = ExpectedHypervolumeImprovement(Normals(lambda X: X, objectives), worst, parts)
    expected = theirs(torch.zeros(6, 1, 1, dtype=torch.float64))
    drawn = Drawn({n: Y[None, :, i, None] for i, n in enumerate(names)}, torch.ones(1, 9, 1, dtype=torch.bool))
    at = {name: Conditional(mean[None, :, i, None], sd[i].expand(1, 6, 1)) for i, name in enumerate(names)}
    found = score(objectives).against(drawn)(at).value.exp().flatten()
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("limits", ["no limits", "limits of an objective"])
def test_the_mean_over_many_directions_is_the_improvement_by_boxes(objectives, limits):
    names, allowed = METRICS[:objectives], LIMITS[limits][0]
    generator, S = torch.Generator().manual_seed(1), 20_000
    points = torch.randn(objectives, 1, 5, 1, generator=generator, dtype=torch.float64)
    values = {name: each.expand(1, 5, S) for name, each in zip(names, points, strict=True)}
    drawn = Drawn(values, torch.ones(1, 5, S, dtype=torch.bool))
    mean = torch.randn(objectives, 1, 3, 1, generator=generator, dtype=torch.float64)
    sd = 0.6 * torch.ones(1, 3, 1, dtype=torch.float64)
    at = {name: Conditional(each.expand(1, 3, S), sd) for name, each in zip(names, mean, strict=True)}
    exact = score(objectives, limits).against(drawn.first(1))(
        {n: Conditional(h.mean[..., :1], sd) for n, h in at.items()}
    )
    ends = {name: allowed.get(name, Allowed()).ends(values[name], None) for name in names}
    feasible = torch.ones(1, 5, S, dtype=torch.bool)
    for name, (low, high) in ends.items():
        feasible &= (values[name] >= (-torch.inf if low is None else low)) & (
            values[name] <= (torch.inf if high is None else high)
        )
    reference = {name: torch.full((1, 1, S), REFERENCE[name], dtype=torch.float64) for name in names}
    found, _ = Scalarised.of(values, feasible, reference, ends).at(at)
    torch.testing.assert_close(found.exp().mean(2), exact.value.exp()[..., 0], rtol=0.03, atol=1e-4)


def test_directions_lie_evenly_on_the_unit_sphere():
    along = directions(4, 4096)
    assert bool((along > 0.0).all())
    torch.testing.assert_close(along.norm(dim=0), torch.ones(4096, dtype=torch.float64))
    torch.testing.assert_close(along.square().mean(1), torch.full((4,), 0.25, dtype=torch.float64), atol=0.01, rtol=0.0)
    assert math.exp(log_constant(2)) == pytest.approx(math.pi / 4)


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_far_below_the_reference_the_score_still_points_towards_it(objectives):
    """Nothing reaches the reference, and a candidate by hundreds of standard deviations the less the better."""
    names = METRICS[:objectives]
    values = {name: torch.full((1, 2, 4), -900.0, dtype=torch.float64) for name in names}
    drawn = Drawn(values, torch.ones(1, 2, 4, dtype=torch.bool))
    mean = torch.tensor([-800.0, -400.0, -20.0, -3.0], dtype=torch.float64)[None, :, None].expand(1, 4, 4)
    at = dict.fromkeys(names, Conditional(mean, torch.ones(1, 4, 1, dtype=torch.float64)))
    found = score(objectives).against(drawn)(at)
    assert bool((found.value[:, 1:] > found.value[:, :-1] + 1.0).all())
    for name in names:
        assert bool((found.by_mean[name] > 0.5).all())
        assert bool(found.by_sd[name].isfinite().all())


def test_without_a_feasible_draw_the_probability_alone_is_the_score():
    draws, X = joint_draws(uniform(5, 3, 1), 64, 2), uniform(9, 3, 4)
    alone = score(2, "a limit that nothing meets")
    assert alone.share_without_feasible(draws.drawn) == 1.0
    at = draws.metrics["weight"].at(X)
    expected = torch.special.log_ndtr((at.mean - 30.0) / at.sd).logsumexp((0, 2)) - math.log(64)
    torch.testing.assert_close(AverageScore(draws, alone).value(X), expected)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_the_points_that_could_be_on_the_front_are_those_of_plain_sampling(objectives):
    beliefs = joint_draws(uniform(1, 3, 1), 64, objectives).beliefs
    allowed, X, names = {"weight": Allowed((Threshold(-0.4),))}, uniform(20, 3, 20), METRICS[:objectives]
    found = could_be_on_front(beliefs, names, allowed, X, X[:0], torch.Generator().manual_seed(1), samples=512)
    count = 10_000
    samples = {}
    for i, (metric, belief) in enumerate(beliefs.items()):
        mean, covariance = belief.joint(X)
        L = torch.linalg.cholesky(covariance[0] + 1e-9 * torch.eye(20, dtype=torch.float64))
        samples[metric] = (
            mean[0, :, None] + L @ torch.randn(20, count, generator=torch.Generator().manual_seed(50 + i)).double()
        )
    feasible, Y = samples["weight"] >= -0.4, torch.stack([samples[name] for name in names], 2)
    better = (
        (Y.unsqueeze(0) >= Y.unsqueeze(1)).all(3) & (Y.unsqueeze(0) > Y.unsqueeze(1)).any(3) & feasible.unsqueeze(0)
    )
    counts = (feasible & ~better.any(1)).sum(1)
    often = [i for i in counts.argsort(descending=True).tolist() if counts[i] > 300]
    # The order is by 256 samples; points that are clearly more often on the front come before the others.
    order = found.tolist()
    clearly = [(i, j) for i in often for j in order if counts[i] - counts[j] > count // 5]
    assert clearly
    assert all(order.index(i) < order.index(j) for i, j in clearly)
    assert set(often) <= set(found.tolist())
    assert not set(found.tolist()) & {i for i in range(20) if counts[i] == 0}
