"""The Matérn-5/2 kernel and the derivative that all gradients here are made of."""

import math

import torch
from torch import Tensor

_ROOT5 = math.sqrt(5.0)


def matern52(A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Return k and w for scaled features A [..., a, d] and B [..., b, d], each [..., a, b].

    With squared distance D, k = (1 + √(5D) + 5D/3) exp(−√(5D)) and w = −2 dk/dD = 5/3 (1 + √(5D)) exp(−√(5D)),
    so that ∂k/∂A_aj = −w (A_aj − B_bj) (Rasmussen and Williams 2006, equation 4.17).
    """
    D = (A * A).sum(-1).unsqueeze(-1) + (B * B).sum(-1).unsqueeze(-2) - 2.0 * (A @ B.mT)
    root = D.clamp_(min=0.0).sqrt().mul_(_ROOT5)
    decay = torch.exp(-root)
    w = (1.0 + root) * decay
    return torch.addcmul(w, D.mul_(5.0 / 3.0), decay), w.mul_(5.0 / 3.0)
