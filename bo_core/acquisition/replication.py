"""Whether to measure a point again: noisy expected improvement is 0 at its own draws, so this is decided apart."""

import torch
from torch import Tensor

from bo_core.surrogate import Posterior, safe_cholesky

_JITTER = 1e-9


def gains_in_best_mean(
    posterior: Posterior, points: Tensor, noise: Tensor, pending: Tensor, pending_noise: Tensor
) -> Tensor:
    """Return by how much one measurement at each of c points is expected to raise the highest posterior mean [c].

    The maximum is taken over the same points X [c, d]; `noise` [M, c] is the variance that a measurement there would
    have, and the outstanding measurements at `pending` [p, d], with variances `pending_noise` [M], are taken as made,
    with outcomes as expected. It is the
    knowledge gradient over a finite set (Frazier, Powell and Dayanik 2009), averaged over the sets of hyperparameters.
    """
    c = len(points)
    mean, covariance = posterior.joint(torch.cat([points, pending]))
    mean, covariance = mean[:, :c], _after_pending(covariance, pending_noise, c)
    spread = (covariance.diagonal(dim1=1, dim2=2) + noise).clamp(min=1e-300).sqrt()
    # Column j says how the means move, by the standard normal that a measurement at j amounts to.
    slopes = covariance / spread.unsqueeze(1)
    return torch.stack([_gains(m, s) for m, s in zip(mean, slopes, strict=True)]).mean(0)


def _gains(mean: Tensor, slopes: Tensor) -> Tensor:
    return torch.stack([_expected_maximum(mean, slope) for slope in slopes.unbind(1)]) - mean.max()


def _after_pending(covariance: Tensor, noise: Tensor, c: int) -> Tensor:
    """Return the covariances [M, c, c] that remain once the points after the first c have been measured."""
    kept, cross, measured = covariance[:, :c, :c], covariance[:, :c, c:], covariance[:, c:, c:]
    if not measured.shape[1]:
        return kept
    L, _ = safe_cholesky(measured + noise[:, None, None] * torch.eye(measured.shape[1]).to(measured), _JITTER)
    reduced = torch.linalg.solve_triangular(L, cross.mT, upper=False)
    return kept - reduced.mT @ reduced


def _expected_maximum(intercepts: Tensor, slopes: Tensor) -> Tensor:
    """Return E max_i(a_i + b_i Z) for a standard normal Z, exactly.

    The maximum of lines is a convex broken line: between the crossings c_k and c_{k+1} of its pieces, E contributes
    a(Φ(c_{k+1}) − Φ(c_k)) + b(φ(c_k) − φ(c_{k+1})).
    """
    a, b, crossings = _upper_envelope(intercepts.tolist(), slopes.tolist())
    a, b = intercepts.new_tensor(a), intercepts.new_tensor(b)
    edges = intercepts.new_tensor([-torch.inf, *crossings, torch.inf])
    Phi = torch.special.ndtr(edges)
    phi = torch.exp(-0.5 * edges * edges) * 0.3989422804014327
    return (a * (Phi[1:] - Phi[:-1]) + b * (phi[:-1] - phi[1:])).sum()


def _upper_envelope(intercepts: list[float], slopes: list[float]) -> tuple[list[float], list[float], list[float]]:
    """Return the lines of the envelope in order of their slopes, and where each meets the next."""
    lines = sorted(zip(slopes, intercepts, strict=True))
    envelope: list[tuple[float, float]] = []
    crossings: list[float] = []
    for b, a in lines:
        if envelope and b - envelope[-1][0] <= 0.0:
            # Of parallel lines the later one, with the larger intercept, is above.
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
