"""A function on the unit cube whose maximum is searched."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Surface:
    """A function to climb: values [b], or with gradients [b, d], at features [b, d]; `screen` returns rough values.

    `scales` [d] are lengths over which it changes, in proportion to each other.
    """

    value: Callable[[Tensor], Tensor]
    value_and_gradient: Callable[[Tensor], tuple[Tensor, Tensor]]
    screen: Callable[[Tensor], Tensor]
    scales: Tensor
