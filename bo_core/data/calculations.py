"""Calculations and comparisons of parameters for many points at once, as tensors that can be differentiated."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from overnight.campaign.values.comparison import Pair
from overnight.campaign.values.expression import Expression
from overnight.campaign.values.numbers import EQUAL_WITHIN


def excess_of(pair: Pair, numbers: Mapping[str, Tensor]) -> Tensor:
    """Return by how much [b] the two sides fail to compare as the sign of an inequality demands: not, up to 0.

    It is infinite if a side has no finite value.
    """
    some = next(iter(numbers.values()))
    left, right = of_tensors(pair.left, numbers, some), of_tensors(pair.right, numbers, some)
    excess = left - right if pair.sign in ("<", "<=") else right - left
    return torch.where(left.isfinite() & right.isfinite(), excess, torch.inf)


def holds(pair: Pair, numbers: Mapping[str, Tensor], X: Tensor) -> Tensor:
    """Return for which rows [b], as many as X has, the sign is true; it is not if a side has no finite value."""
    left, right = of_tensors(pair.left, numbers, X), of_tensors(pair.right, numbers, X)
    return left.isfinite() & right.isfinite() & _is_true(pair.sign, left, right)


def _is_true(sign: str, left: Tensor, right: Tensor) -> Tensor:
    match sign:
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case ">":
            return left > right
        case _:
            size = torch.maximum(left.abs(), right.abs()).clamp(min=1.0)
            return (left - right).abs() <= EQUAL_WITHIN * size


def of_tensors(expression: Expression, numbers: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """Return the values [b] of a calculation, as many as the tensor `like` has rows."""
    found = expression.of(numbers, _TORCH)
    return found if isinstance(found, Tensor) else like.new_full((len(like),), float(found))


def _tensors(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """Return a function of tensors that takes plain numbers as well."""

    def of_any(*values: Any) -> Tensor:
        return function(*(torch.as_tensor(value, dtype=torch.float64) for value in values))

    return of_any


def _reduced(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def of_all(first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = function(first, other)
        return first

    return of_all


_TORCH: Mapping[str, Callable[..., Any]] = {
    "abs": _tensors(torch.abs),
    "ceil": _tensors(torch.ceil),
    "cos": _tensors(torch.cos),
    "exp": _tensors(torch.exp),
    "floor": _tensors(torch.floor),
    "log": _tensors(torch.log),
    "log10": _tensors(torch.log10),
    "log2": _tensors(torch.log2),
    "max": _tensors(_reduced(torch.maximum)),
    "min": _tensors(_reduced(torch.minimum)),
    "sin": _tensors(torch.sin),
    "sqrt": _tensors(torch.sqrt),
    "tan": _tensors(torch.tan),
    "**": _tensors(torch.pow),
}
