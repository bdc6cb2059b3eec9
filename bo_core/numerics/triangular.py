"""Invert large matrices from their Cholesky factors in blocks.

Nearly all of the work is products of matrices, which use every thread. LAPACK's routines for the same purpose are
slower, and slower still with two threads than with one.
"""

import torch
from torch import Tensor

_BLOCK = 512


def triangular_inverse(L: Tensor) -> Tensor:
    """Return the inverse of a lower triangular matrix L [..., u, u]."""
    inverse = torch.zeros_like(L)
    _invert(L, inverse)
    return inverse


def inverse_from(L_inverse: Tensor) -> Tensor:
    """Return (LLᵀ)⁻¹ from the lower triangular inverse of L, each [..., u, u]."""
    product = torch.empty_like(L_inverse)
    _multiply(L_inverse, product)
    return product


def _invert(L: Tensor, out: Tensor) -> None:
    """Write [[A⁻¹, 0], [−C⁻¹BA⁻¹, C⁻¹]], the inverse of [[A, 0], [B, C]]."""
    u = L.shape[-1]
    if u <= _BLOCK:
        identity = torch.eye(u, dtype=L.dtype, device=L.device).expand_as(L)
        out.copy_(torch.linalg.solve_triangular(L, identity, upper=False))
        return
    h = u // 2
    _invert(L[..., :h, :h], out[..., :h, :h])
    _invert(L[..., h:, h:], out[..., h:, h:])
    out[..., h:, :h] = _lower_times(out[..., h:, h:], _times_lower(L[..., h:, :h], out[..., :h, :h])).neg_()


def _times_lower(B: Tensor, A: Tensor) -> Tensor:
    """Return BA for a lower triangular A, whose upper half is skipped."""
    h = A.shape[-1] // 2
    if 2 * h <= _BLOCK:
        return B @ A
    left = _times_lower(B[..., :h], A[..., :h, :h]) + B[..., h:] @ A[..., h:, :h]
    return torch.cat([left, _times_lower(B[..., h:], A[..., h:, h:])], -1)


def _lower_times(A: Tensor, B: Tensor) -> Tensor:
    """Return AB for a lower triangular A, whose upper half is skipped."""
    h = A.shape[-1] // 2
    if 2 * h <= _BLOCK:
        return A @ B
    below = A[..., h:, :h] @ B[..., :h, :] + _lower_times(A[..., h:, h:], B[..., h:, :])
    return torch.cat([_lower_times(A[..., :h, :h], B[..., :h, :]), below], -2)


def _multiply(A: Tensor, out: Tensor) -> None:
    """Write AᵀA for a lower triangular A, whose upper half is 0."""
    u = A.shape[-1]
    if u <= _BLOCK:
        out.copy_(A.mT @ A)
        return
    h = u // 2
    below, last = A[..., h:, :h], A[..., h:, h:]
    _multiply(A[..., :h, :h], out[..., :h, :h])
    _multiply(last, out[..., h:, h:])
    out[..., :h, :h] += below.mT @ below
    across = last.mT @ below
    out[..., h:, :h] = across
    out[..., :h, h:] = across.mT
