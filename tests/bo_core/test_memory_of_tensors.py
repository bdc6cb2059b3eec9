"""Tensors lie in torch's own memory, because rounding depends on the address of the numbers."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from told_campaigns import AVERAGED, MIXED, MODEL, QUICK, campaign_of, cube, history_of, some_points, told
from told_fidelities import cheap, run
from told_fronts import front_campaign, told_front
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from overnight.bo_core.numerics.tensor_of import tensor_of
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History

# The addresses of numbers in torch's own memory are multiples of this.
BLOCK = 64
# The steps of `torch.tensor`, which see the memory that they copy.
COPYING = ("aten.lift_fresh.default", "aten.to.device")
BLEND: dict[str, Any] = {
    "parameters": cube(3),
    "parameter_constraints": ["x0 + x1 + x2 == 1"],
}
BRANCHES: dict[str, Any] = {
    "kind": {"kind": "categorical", "choices": ["a", "b"]},
    "x": {"kind": "float", "low": 0.0, "high": 1.0},
    "y": {"kind": "float", "low": 0.0, "high": 1.0, "when": {"kind": "b"}},
}


class Addresses(TorchDispatchMode):
    """Collects the operations that were given numbers at other addresses than torch chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.elsewhere = set[str]()

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.calls += 1
        for each in tree_leaves((args, kwargs)):
            is_data = isinstance(each, torch.Tensor) and each.device.type == "cpu" and each.is_floating_point()
            if is_data and each.untyped_storage().data_ptr() % BLOCK and str(func) not in COPYING:
                self.elsewhere.add(str(func))
        return func(*args, **(kwargs or {}))


def results(campaign: Campaign, count: int, seed: int = 0) -> History:
    """Return a history of `count` results that lie nowhere near a plane."""
    points = some_points(campaign, count, seed)
    values = [float(np.sin(7.0 * i) + 0.1 * i) for i in range(count)]
    return history_of(campaign, points, values)


def front() -> tuple[Campaign, History]:
    campaign = front_campaign(2)
    points = some_points(campaign, 10)
    metrics = [{"size": float(p["x0"]), "speed": float(p["x1"]) ** 2 - float(p["x0"])} for p in points]
    return campaign, told_front(campaign, points, metrics)


def limited() -> tuple[Campaign, History]:
    campaign = campaign_of(cube(2), constraints=["heat <= 0.6"], noise="none")
    points = some_points(campaign, 10)
    metrics = [{"loss": float(p["x0"]), "heat": 1.0 - float(p["x1"])} for p in points]
    return campaign, told_front(campaign, points, metrics)


def plain(parameters: dict[str, Any], **more: Any) -> tuple[Campaign, History]:
    campaign = campaign_of(parameters, **more)
    return campaign, results(campaign, 12)


def repeated() -> tuple[Campaign, History]:
    campaign = campaign_of(cube(2))
    return campaign, told(campaign, 33, pending=2)


def with_fidelity() -> tuple[Campaign, History]:
    campaign = cheap()
    return campaign, run(campaign, most=9)


CASES: dict[str, tuple[Callable[[], tuple[Campaign, History]], BayesianProposer]] = {
    "floats": (repeated, QUICK),
    "averaged": (repeated, AVERAGED),
    "repeats": (repeated, MODEL.model_copy(update={"replication": "auto"})),
    "mixed": (lambda: plain(MIXED), MODEL),
    "branches": (lambda: plain(BRANCHES), MODEL),
    "blend": (lambda: plain(**BLEND), MODEL),
    "front": (front, MODEL),
    "limits": (limited, MODEL),
    "fidelity": (with_fidelity, MODEL),
}


@pytest.mark.parametrize("case", CASES)
def test_every_number_that_is_computed_with_lies_in_torchs_own_memory(case):
    make, proposer = CASES[case]
    campaign, history = make()
    with Addresses() as addresses:
        propose(campaign, history, proposer, 2)
        recommend(campaign, history, proposer)
    assert addresses.calls > 1000
    assert not addresses.elsewhere


def test_a_tensor_of_an_array_is_a_copy_at_an_address_of_torchs_choice():
    numbers = np.arange(40.0).reshape(8, 5)
    for start in range(8):
        array = numbers.ravel()[start : start + 10].reshape(2, 5)
        tensor = tensor_of(array)
        assert tensor.data_ptr() % BLOCK == 0
        assert tensor.numpy().tolist() == array.tolist()
        tensor[0, 0] = -1.0
        assert numbers.min() == 0.0
