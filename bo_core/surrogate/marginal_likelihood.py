"""The log marginal likelihood of a Gaussian process with its analytic gradient: one Cholesky, no autograd.

The model is y ~ N(m 1, K + diag(noise)), with a stationary ARD kernel of variance 1 on standardised outcomes. The
covariance of errors that observations share is added to K, if there are any (`errors`). The constant mean m is
not searched. For each set of the others its best value is the generalised least-squares mean, at
which the gradient with respect to m vanishes, so the other derivatives are unchanged.
"""

import math

import numpy as np
import torch
from torch import Tensor

from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.numerics.triangular import inverse_from, triangular_inverse
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.errors import count_of
from overnight.bo_core.surrogate.kernel import KernelName, kernel, kernel_by_rows
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.scaling import warp, warp_slopes_by_exponents
from overnight.bo_core.surrogate.training_data import TrainingData

_LOG_2PI = math.log(2.0 * math.pi)
# Information takes h multiplications of matrices of this size.
_MOST_FOR_INFORMATION = 48
# The least standard deviation of an observation given those before it, noise included, for single precision.
_LEAST_FOR_SINGLE = 0.01
# The fewest observations for which an inverse is estimated from probes, and the number of probes.
_FEWEST_FOR_PROBES, _PROBES = 1024, 256


class LogPosterior:
    """log marginal likelihood + log prior of θ; see `priors` for the layout of θ."""

    def __init__(self, data: TrainingData, kernel_name: KernelName, prior: Prior, *, jitter: float) -> None:
        self.data, self.prior = data, prior
        self.kernel_name: KernelName = kernel_name
        self.jitter, self.groups = jitter, data.groups
        self.center = data.X.mean(0)
        self.centered = data.X - self.center
        self.outcome_and_one = torch.stack([data.y, torch.ones_like(data.y)], 1)
        # The diagonal of K is fixed_diagonal + σ² noise_share.
        self.fixed_diagonal = data.known / data.count + (1.0 + jitter)
        self.noise_share = data.inferred / data.count
        self.pooled = bool((data.count > 1).any())
        self.errors = data.errors
        self.first_warp = data.groups.count + 1 + count_of(data.errors)

    def __call__(self, theta: Array) -> tuple[Array, Array]:
        """Return values [b] and gradients [b, h] at θ [b, h]; −∞ and 0 if the kernel matrix is not positive."""
        device = self.data.X.device
        # One transfer each way, so that each evaluation waits for a device only once.
        likelihood = self.log_likelihood(tensor_of(theta).to(device)).cpu().numpy()
        prior, prior_gradient = self.prior.log_density(theta)
        value, gradient = likelihood[:, 0] + prior, likelihood[:, 1:] + prior_gradient
        bad = ~np.isfinite(value)
        if np.count_nonzero(bad):
            value[bad], gradient[bad] = -np.inf, 0.0
        return value, gradient

    def normal_covariance(self, theta: Array) -> Array:
        """Return the covariance [h, h] of the normal approximation to the density around θ [h].

        The precision is the prior's plus the expected information of the data (Mardia and Marshall 1984). It is
        positive definite everywhere and needs no second derivatives; in its units a climb is nearly round. If there are
        many observations, a part represents all.
        """
        u, device = len(self.data.y), self.data.X.device
        count = min(u, _MOST_FOR_INFORMATION)
        part = self
        if count < u:
            data = self.data.part(torch.arange(count, device=device) * u // count)
            part = LogPosterior(data, self.kernel_name, self.prior, jitter=self.jitter)
        information = part.information(tensor_of(theta[None]).to(device)).cpu()
        precision = (u / count) * information + tensor_of(np.diag(self.prior.spread**-2.0))
        return torch.cholesky_inverse(torch.linalg.cholesky(precision)).numpy()

    def log_likelihood(self, theta: Tensor) -> Tensor:
        """Return [b, 1 + h]: log marginal likelihoods at θ [b, h], −∞ if K is singular, and their gradients."""
        u, g = len(self.data.y), self.groups.count
        inverse_scales = self._inverse_scales(theta)
        Z = self._features(theta) * inverse_scales
        K, w = (kernel_by_rows if self.data.many else kernel)(self.kernel_name, Z, Z)
        noise_variance = torch.exp(theta[:, g])
        # A copy, because w may share the memory.
        k = K if self.errors is None else K.clone()
        self._set_diagonal(K, noise_variance)
        if self.errors is not None:
            K = K + self.errors.covariance(self._of_errors(theta), k)
        L, failed = torch.linalg.cholesky_ex(K)
        may_be_singular = L.is_cuda or bool(failed.any())
        if may_be_singular:
            # Failed factors are masked at the end; until then they must not stop the others of the batch.
            L = torch.where((failed > 0)[:, None, None], torch.eye(u, dtype=L.dtype, device=L.device), L)
        K_inverse = self._inverse(L)
        log_det = L.diagonal(dim1=1, dim2=2).log().sum(1)
        solved = torch.cholesky_solve(self.outcome_and_one, L) if self.data.many else K_inverse @ self.outcome_and_one
        sums = solved.sum(1)
        mean = sums[:, 0] / sums[:, 1]
        alpha = torch.addcmul(solved[:, :, 0], solved[:, :, 1], mean.unsqueeze(1), value=-1.0)
        # At the generalised least-squares mean alpha sums to 0, so (y − m)'alpha = y'alpha.
        value = (alpha @ self.data.y).mul_(-0.5) - log_det - 0.5 * u * _LOG_2PI
        if may_be_singular:
            value.masked_fill_(failed > 0, -torch.inf)

        # d value = ½ Σ_ij (αα' − K⁻¹)_ij dK_ij; through w, no tensor of u × u × d is needed.
        noise_share = self.noise_share
        if K_inverse.dtype != Z.dtype:
            alpha, w, Z, noise_share = (t.to(K_inverse) for t in (alpha, w, Z, noise_share))
        twice_by_K = torch.baddbmm(K_inverse, alpha.unsqueeze(2), alpha.unsqueeze(1), beta=-1.0)
        by_noise = (twice_by_K.diagonal(dim1=1, dim2=2) @ noise_share).mul_(0.5 * noise_variance)
        by_errors = []
        if self.errors is not None:
            slopes = self.errors.by_theta(self._of_errors(theta), k)
            by_errors = [(0.5 * (twice_by_K * slope).sum((1, 2))).unsqueeze(1) for slope in slopes]
            if (through_k := self.errors.by_kernel(self._of_errors(theta))) is not None:
                twice_by_K.mul_(1.0 + through_k)
        twice_by_K.mul_(w)
        if self.data.many:
            # It has no effect, but would be rounded.
            twice_by_K.diagonal(dim1=1, dim2=2).zero_()
        minus_by_Z = torch.baddbmm(twice_by_K.sum(2).unsqueeze(2) * Z, twice_by_K, Z, alpha=-1.0)
        by_scale = self.groups.summed(torch.linalg.vecdot(minus_by_Z, Z, dim=1))
        by_warp = self._by_warp(theta, minus_by_Z, inverse_scales)
        if self.pooled:
            scatter, scatter_by_noise = self._within_replicates(noise_variance)
            value, by_noise = value + scatter, by_noise + scatter_by_noise
        return torch.cat([value.unsqueeze(1), by_scale, by_noise.unsqueeze(1), *by_errors, *by_warp], 1)

    def information(self, theta: Tensor) -> Tensor:
        """Return the expected information [h, h] of the data at one θ [1, h], 0 if K is singular.

        It is ½ tr(K⁻¹ ∂_iK K⁻¹ ∂_jK). If the scaled features z and z̄ of a pair move by z' and z̄', the derivative of k
        is −w (z − z̄)(z' − z̄').
        """
        g = self.groups.count
        inverse_scales = self._inverse_scales(theta)
        Z = self._features(theta) * inverse_scales
        K, w = kernel(self.kernel_name, Z, Z)
        k, w = K if self.errors is None else K.clone(), -w[0]
        noise_variance = torch.exp(theta[:, g])
        self._set_diagonal(K, noise_variance)
        by_errors = []
        if self.errors is not None:
            by_errors = self.errors.by_theta(self._of_errors(theta), k)
            K = K + self.errors.covariance(self._of_errors(theta), k)
            if (through_k := self.errors.by_kernel(self._of_errors(theta))) is not None:
                w = w * (1.0 + through_k[0])
        L, failed = torch.linalg.cholesky_ex(K)
        if bool(failed.any()):
            return theta.new_zeros(theta.shape[1], theta.shape[1])
        moved = [-Z]
        exponents = self._exponents(theta)
        if exponents is not None:
            moved += [slopes * inverse_scales for slopes in warp_slopes_by_exponents(self.data.X, *exponents)]
        by_group = [self._by_group(_differences(Z) * _differences(move) * w) for move in moved]
        by_noise = torch.diag(self.noise_share * noise_variance)[None]
        changes = torch.cholesky_inverse(L[0]) @ torch.cat([by_group[0], by_noise, *by_errors, *by_group[1:]])
        information = 0.5 * changes.flatten(1) @ changes.mT.flatten(1).mT
        if self.pooled:
            share = self.data.inferred * noise_variance / self._replicate_noise(noise_variance)
            information[g, g] += 0.5 * ((self.data.count - 1.0) * share * share).sum()
        return information

    def _inverse(self, L: Tensor) -> Tensor:
        """Return K⁻¹ [b, u, u] from its factor; of many observations in single precision unless K is nearly singular.

        Only gradients are computed from the latter, with errors of a thousandth or less. Of very many, K⁻¹ is the mean
        of vvᵀ with v = L⁻ᵀz for probes z of random signs, the same each time. With s probes, the error of the gradient
        misleads a climb by h/2s nats (Hutchinson 1990).
        """
        if not self.data.many:
            return torch.cholesky_inverse(L)
        L = L.float() if bool(L.diagonal(dim1=1, dim2=2).amin() >= _LEAST_FOR_SINGLE) else L
        if L.shape[-1] < _FEWEST_FOR_PROBES:
            return inverse_from(triangular_inverse(L))
        generator = torch.Generator().manual_seed(0)
        signs = torch.randint(2, (L.shape[-1], _PROBES), generator=generator).mul_(2).sub_(1)
        V = torch.linalg.solve_triangular(L.mT, signs.to(L).expand(len(L), -1, -1), upper=True)
        return (V @ V.mT).div_(_PROBES)

    def _replicate_noise(self, noise_variance: Tensor) -> Tensor:
        return (self.data.replicate_noise(noise_variance) + self.jitter).clamp(min=1e-300)

    def _set_diagonal(self, K: Tensor, noise_variance: Tensor) -> None:
        diagonal = torch.addcmul(self.fixed_diagonal, noise_variance.unsqueeze(1), self.noise_share)
        K.diagonal(dim1=1, dim2=2).copy_(diagonal)

    def _of_errors(self, theta: Tensor) -> Tensor:
        """Return the hyperparameters [b, c] of the errors that observations share."""
        return theta[:, self.groups.count + 1 : self.first_warp]

    def _inverse_scales(self, theta: Tensor) -> Tensor:
        return torch.exp(-self.groups.log_scales(theta[:, None, : self.groups.count]))

    def _exponents(self, theta: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the warp exponents of the features, each [b, 1, d], None without warping."""
        if theta.shape[1] == self.first_warp:
            return None
        a, b = theta[:, None, self.first_warp :].exp().chunk(2, 2)
        return self.groups.of_features(a), self.groups.of_features(b)

    def _by_group(self, by_features: Tensor) -> Tensor:
        """Return derivatives [g, u, u] by the groups' values from those by the features' values [d, u, u]."""
        return self.groups.summed(by_features.movedim(0, -1)).movedim(-1, 0)

    def _features(self, theta: Tensor) -> Tensor:
        exponents = self._exponents(theta)
        if exponents is None:
            return self.centered
        warped = warp(self.data.X, *exponents)
        return warped - warped.mean(1, keepdim=True)

    def _by_warp(self, theta: Tensor, minus_by_Z: Tensor, inverse_scales: Tensor) -> list[Tensor]:
        exponents = self._exponents(theta)
        if exponents is None:
            return []
        by_features, slopes = -minus_by_Z * inverse_scales, warp_slopes_by_exponents(self.data.X, *exponents)
        return [self.groups.summed((by_features * slope).sum(1)) for slope in slopes]

    def _within_replicates(self, noise_variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the log density [b] of the replicates about their means, and its derivative by log σ² [b].

        With known noise it is a constant, which is left out: exact replicates that contradict each other would make it
        so large that nothing else counts as progress.
        """
        data = self.data
        noise = self._replicate_noise(noise_variance)
        more = data.count - 1.0
        log_density = -0.5 * (data.scatter / noise + more * (noise.log() + _LOG_2PI) + data.count.log())
        by_log_noise = 0.5 * (data.scatter / noise - more) * (data.inferred * noise_variance.unsqueeze(1) / noise)
        counts = (more > 0) & (data.inferred > 0)
        return torch.where(counts, log_density, 0.0).sum(1), torch.where(counts, by_log_noise, 0.0).sum(1)


def _differences(A: Tensor) -> Tensor:
    """Return the differences [d, u, u] between the rows of A [1, u, d], one feature after the other."""
    columns = A[0].mT
    return columns.unsqueeze(2) - columns.unsqueeze(1)


def generalised_mean(K_inverse: Tensor, y: Tensor) -> Tensor:
    """Return the constant mean [...] of highest likelihood, 1ᵀK⁻¹y / 1ᵀK⁻¹1, for K⁻¹ [..., u, u] and y [u]."""
    weights = K_inverse.sum(-1)
    return (weights @ y) / weights.sum(-1)
