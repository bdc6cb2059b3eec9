"""Isolate a computation from the global settings of torch and NumPy."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from overnight.bo_core.numerics.threads import ONE_AT_A_TIME

# Not written as a single number, because that would be computed when this file is compiled.
_LEAST, _ONE = 5e-324, 1.0


@contextmanager
def own_state() -> Iterator[None]:
    """Compute on the CPU by default, in torch's usual default type, and with NumPy's usual treatment of overflow.

    Every entrance of the core that computes with tensors is wrapped in it; a custom proposer's code is not.
    """
    with ExitStack() as stack:
        # Every call of torch passes through such a mode, so it is entered only if it changes something.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.get_default_dtype() != torch.float32:
            stack.enter_context(_usual_type())
        if torch.are_deterministic_algorithms_enabled():
            stack.enter_context(_usual_algorithms())
        if _LEAST / _ONE == 0.0:
            stack.enter_context(_smallest_numbers())
        stack.enter_context(torch.autocast("cpu", enabled=False))
        stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        yield


@contextmanager
def _usual_type() -> Iterator[None]:
    with ONE_AT_A_TIME:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


@contextmanager
def _usual_algorithms() -> Iterator[None]:
    """Let torch choose its algorithms as by default; strictly deterministic variants do not exist for all of them."""
    with ONE_AT_A_TIME:
        warns = torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(False)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(True, warn_only=warns)


@contextmanager
def _smallest_numbers() -> Iterator[None]:
    """Compute with subnormal numbers in this thread, which would otherwise treat them as 0."""
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(True)
