"""Bring NumPy's numbers to torch."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


def tensor_of(array: NDArray[Any]) -> Tensor:
    """Return a tensor with the numbers of an array, in memory of its own.

    The core never shares NumPy's memory with torch (`torch.from_numpy`). MKL rounds products of vectors and matrices
    differently according to the address of their numbers. Torch's memory begins at multiples of 64 bytes and NumPy's
    anywhere, so two processes that share it compute different bits from the same numbers.
    """
    return torch.tensor(array)
