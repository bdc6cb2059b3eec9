"""Decide whether to measure a point again; noisy expected improvement is 0 at its own draws and cannot decide that."""

import torch
from torch import Tensor

from overnight.bo_core.acquisition.expected_improvement import log_h_and_ratios
from overnight.bo_core.surrogate import Belief, safe_cholesky

_JITTER = 1e-9
_NOTHING_LEFT = 1e-7


def gains_in_best_mean(belief: Belief, points: Tensor, noise: Tensor, pending: Tensor, pending_noise: Tensor) -> Tensor:
    """Return how much a measurement at each of c points [c, d] is expected to raise the highest posterior mean [c].

    The highest mean is taken over these points and `pending` [p, d]. The outstanding measurements of the latter, with
    variances `pending_noise` [M], are treated as done, with outcomes as expected. `noise` [M, c] is the variance that a
    measurement at each point would have. This is the knowledge gradient over a finite set (Frazier, Powell and Dayanik
    2009), averaged over the sets of hyperparameters.
    """
    c = len(points)
    mean, covariance = belief.joint(torch.cat([points, pending]))
    covariance = after_pending(covariance, pending_noise, c)
    variance = covariance.diagonal(dim1=1, dim2=2)[:, :c]
    return gains_of_slopes(mean, covariance[:, :, :c], variance, noise)


def gains_of_slopes(mean: Tensor, covariance: Tensor, variance: Tensor, noise: Tensor) -> Tensor:
    """Return how much each of c measurements is expected to raise the highest of the means [M, b], averaged over M.

    `covariance` [M, b, c] is that of these points with what is measured, whose own variances are `variance` [M, c], and
    `noise` [M, c] is the variance of a measurement.
    """
    # Column j is how the means move per unit of the standard normal that a measurement at j amounts to. If nothing is
    # left to learn, it does not move them.
    slopes = covariance / (variance + noise).clamp(min=_JITTER).sqrt().unsqueeze(1)
    slopes = torch.where((variance > _NOTHING_LEFT).unsqueeze(1), slopes, 0.0)
    mean, slopes = mean.cpu(), slopes.cpu()
    gains = [[expected_gain(m, slope) for slope in s.unbind(1)] for m, s in zip(mean, slopes, strict=True)]
    return torch.tensor(gains, dtype=torch.float64).mean(0)


def after_pending(covariance: Tensor, noise: Tensor, c: int) -> Tensor:
    """Return the covariances [M, c + p, c + p] that remain once what follows the first c has been measured.

    `noise` [M] is the variance of these measurements.
    """
    cross, measured = covariance[:, :, c:], covariance[:, c:, c:]
    p = measured.shape[1]
    if not p:
        return covariance
    L, _ = safe_cholesky(measured + noise[:, None, None] * torch.eye(p).to(measured), _JITTER)
    reduced = torch.linalg.solve_triangular(L, cross.mT, upper=False)
    return covariance - reduced.mT @ reduced


def expected_gain(intercepts: Tensor, slopes: Tensor) -> float:
    """Return E max_i(a_i + b_i Z) − max_i a_i for a standard normal Z: exact, and accurate for very small values.

    The maximum of lines is a convex broken line. With its slopes b_k in order, and piece k meeting the next one at c_k,
    the gain is Σ (b_{k+1} − b_k) h(−|c_k|), h(v) = φ(v) + vΦ(v) (Frazier, Powell and Dayanik 2009, equation 14).
    """
    _, b, crossings = _upper_envelope(intercepts.tolist(), slopes.tolist())
    if not crossings:
        return 0.0
    rises = torch.tensor(b, dtype=torch.float64).diff()
    log_h, _, _ = log_h_and_ratios(-torch.tensor(crossings, dtype=torch.float64).abs())
    return float((rises * log_h.exp()).sum())


def _upper_envelope(intercepts: list[float], slopes: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Return the lines of the envelope in order of their slopes, and the crossing of each with the next."""
    lines = sorted(zip(slopes, intercepts, strict=True))
    envelope: list[tuple[float, float]] = []
    crossings: list[float] = []
    for b, a in lines:
        if envelope and b - envelope[-1][0] <= 0.0:
            # Of parallel lines, the later one has the larger intercept and lies above.
            envelope.pop()
            if crossings:
                crossings.pop()
        while envelope:
            crossing = (envelope[-1][1] - a) / (b - envelope[-1][0])
            if not crossings or crossing > crossings[-1]:
                crossings.append(crossing)
                break
            envelope.pop()
            crossings.pop()
        envelope.append((b, a))
    return [a for _, a in envelope], [b for b, _ in envelope], crossings
