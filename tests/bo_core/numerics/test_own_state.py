"""A caller's settings for torch or NumPy change no bit of the results, and remain as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from told_campaigns import MODEL, campaign_of, cube, failed, history_of, some_points, told

from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import SobolProposer
from overnight.bo_core.recommend import recommend

CAMPAIGN = campaign_of(cube(2))
HISTORY = told(CAMPAIGN, 8, pending=2).extended([failed(9)])


@contextmanager
def default_device(name: str) -> Iterator[None]:
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextmanager
def default_type(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def everything() -> str:
    """Return all results of the core for a campaign, to the last bit."""
    proposals = propose(CAMPAIGN, HISTORY, MODEL, 1)
    asked = Asked(CAMPAIGN, HISTORY, MODEL, Encoding(CAMPAIGN.space), [], 1)
    appraised = [appraisal.objections for appraisal in appraise(asked, proposals)]
    found = recommend(CAMPAIGN, HISTORY, MODEL)
    of_sobol = [p.point for p in propose(CAMPAIGN, HISTORY, SobolProposer(), 3)]
    return repr((proposals, appraised, found, of_sobol))


SETTINGS = {
    "default device": lambda: default_device("meta"),
    "device as a context": lambda: torch.device("meta"),
    "doubles by default": lambda: default_type(torch.float64),
    "halves by default": lambda: default_type(torch.bfloat16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "deterministic algorithms": deterministic,
    "mixed precision": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "errors of NumPy": lambda: np.errstate(all="raise"),
}


@pytest.fixture(scope="module")
def expected() -> str:
    torch.set_num_threads(1)
    return everything()


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_global_settings_change_no_bit(setting, expected: str) -> None:
    with setting():
        before = torch.get_default_device(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
        assert everything() == expected
        after = torch.get_default_device(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    assert before == after


@contextmanager
def flushing() -> Iterator[None]:
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def test_results_too_small_for_normal_numbers_are_no_zeros_where_the_caller_flushes_such_numbers() -> None:
    points = some_points(CAMPAIGN, 5)
    history = history_of(CAMPAIGN, points, [3e-310, 1e-310, 2e-310, 5e-310, 4e-310])
    before = propose(CAMPAIGN, history, MODEL, 1), recommend(CAMPAIGN, history, MODEL)
    with flushing():
        after = propose(CAMPAIGN, history, MODEL, 1), recommend(CAMPAIGN, history, MODEL)
        assert float(torch.tensor(1e-310, dtype=torch.float64) * 1.0) == 0.0
    # Converted to text outside the context, because this conversion is a computation, which flushing would affect.
    assert repr(after) == repr(before)
