import mpmath
import pytest
import torch

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement, log_h_and_ratios

MAGNITUDES = [0.0, 1e-300, 1e-9, 1e-3, 0.5, 1.0, 3.0, 5.0, 10.0, 24.9, 25.1, 38.0, 299.9, 300.1, 1e3, 1e4, 1e6, 1e8]


def exactly(v: float) -> tuple[float, float, float]:
    """Return log h, Φ/h and φ/h computed from their definitions with 90 digits."""
    with mpmath.workdps(90):
        phi, Phi = mpmath.npdf(v), mpmath.erfc(-mpmath.mpf(v) / mpmath.sqrt(2)) / 2
        h = phi + v * Phi
        return float(mpmath.log(h)), float(Phi / h), float(phi / h)


@pytest.mark.parametrize("v", [sign * m for m in MAGNITUDES for sign in (-1.0, 1.0)])
def test_logarithm_and_ratios_are_exact_wherever_they_are_asked_for(v: float) -> None:
    found = [float(part) for part in log_h_and_ratios(torch.tensor([v], dtype=torch.float64))]
    # Above 25, φ/h is less than 1e-130 and may as well be 0.
    assert found == pytest.approx(exactly(v), rel=1e-8, abs=1e-100)


def test_the_logarithm_grows_everywhere_across_the_seams_of_its_branches() -> None:
    for seam in (-300.0, 25.0):
        v = seam + torch.linspace(-1e-3, 1e-3, 2001, dtype=torch.float64)
        assert bool((log_h_and_ratios(v)[0].diff() > 0).all())


def test_expected_improvement_is_the_mean_of_the_positive_part() -> None:
    mean, sd, best = (
        torch.tensor([[[0.3, 0.8]]]).double(),
        torch.tensor([[[0.7]]]).double(),
        torch.tensor([[[0.5, -0.2]]]).double(),
    )
    utility = LogExpectedImprovement().evaluate(mean, sd, best)
    for draw in range(2):
        m, s, b = float(mean[0, 0, draw]), float(sd), float(best[0, 0, draw])
        exact = mpmath.quad(lambda f, m=m, s=s, b=b: (f - b) * mpmath.npdf(f, m, s), [b, b + 1, b + 3, b + 12])
        assert float(utility.value[0, 0, draw]) == pytest.approx(float(mpmath.log(exact)), rel=1e-10)


@pytest.mark.parametrize("v", [-1e3, -301.0, -20.0, -1.0, 0.0, 2.0, 24.0])
def test_its_derivatives_are_those_of_the_logarithm_of_the_mean_of_the_positive_part(v: float) -> None:
    mean, sd, best = 0.4, 0.3, 0.4 - 0.3 * v

    def exact(m: mpmath.mpf, s: mpmath.mpf) -> mpmath.mpf:
        z = (m - best) / s
        return mpmath.log(s * (mpmath.npdf(z) + z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2))

    found = LogExpectedImprovement().evaluate(
        *(torch.full((1, 1, 1), x, dtype=torch.float64) for x in (mean, sd, best))
    )
    with mpmath.workdps(60):
        by_mean = mpmath.diff(exact, (mpmath.mpf(mean), mpmath.mpf(sd)), (1, 0))
        by_sd = mpmath.diff(exact, (mpmath.mpf(mean), mpmath.mpf(sd)), (0, 1))
    assert float(found.by_mean) == pytest.approx(float(by_mean), rel=1e-8)
    assert float(found.by_sd) == pytest.approx(float(by_sd), rel=1e-8, abs=1e-100)


def test_a_batch_across_all_branches_has_the_values_of_its_members() -> None:
    v = torch.tensor([sign * m for m in MAGNITUDES for sign in (-1.0, 1.0)], dtype=torch.float64)
    together, alone = log_h_and_ratios(v), [log_h_and_ratios(x[None]) for x in v]
    for part, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(part, torch.cat(parts), rtol=1e-14, atol=0.0)
