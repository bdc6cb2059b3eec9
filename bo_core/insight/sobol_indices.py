"""Estimators of Sobol' indices: shares of a function's variance that are due to each of its inputs.

The main index of an input is the share that it explains alone, and its total index the share that is lost if it is
fixed and all others vary (Sobol' 1993; Homma and Saltelli 1996).
"""

from torch import Tensor

_LEAST_VARIANCE = 1e-18


def main_indices(at_A: Tensor, at_B: Tensor, at_mixed: Tensor) -> Tensor:
    """Return the main indices [..., k] by the estimator of Saltelli et al. 2010 (their table 2, b).

    `at_A` and `at_B` [..., N] are the values at two independent samples of all inputs, and `at_mixed` [..., k, N] those
    at the sample A with one of its k inputs taken from B.
    """
    middle = 0.5 * (at_A.mean(-1, keepdim=True) + at_B.mean(-1, keepdim=True))
    centred = (at_B - middle).unsqueeze(-2)
    return (centred * (at_mixed - at_A.unsqueeze(-2))).mean(-1) / _variance(at_A, at_B)


def total_indices(at_A: Tensor, at_mixed: Tensor, at_B: Tensor | None = None) -> Tensor:
    """Return the total indices [..., k] by the estimator of Jansen 1999.

    `at_mixed` [..., k, N] are the values at the sample A with one input drawn again given all others. If inputs depend
    on each other, that is the total index of Kucherenko, Tarantola and Annoni 2012. `at_B` are used for the variance.
    """
    return 0.5 * (at_A.unsqueeze(-2) - at_mixed).square().mean(-1) / _variance(at_A, at_A if at_B is None else at_B)


def _variance(at_A: Tensor, at_B: Tensor) -> Tensor:
    """Return the variance [..., 1] of the values at both samples; a constant function has none, and indices of 0."""
    middle = 0.5 * (at_A.mean(-1, keepdim=True) + at_B.mean(-1, keepdim=True))
    found = 0.5 * ((at_A - middle).square().mean(-1) + (at_B - middle).square().mean(-1))
    return found.clamp(min=_LEAST_VARIANCE).unsqueeze(-1)
