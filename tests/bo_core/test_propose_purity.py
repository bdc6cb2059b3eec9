import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from told_campaigns import (
    AVERAGED,
    MIXED,
    MODEL,
    bowl,
    campaign_of,
    cube,
    defined,
    failed,
    observed,
    proposed,
    some_points,
    told,
)

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer
from overnight.campaign import History, Proposal
from overnight.campaign.history.events import Event


@pytest.fixture
def _default_type() -> Iterator[None]:
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def test_the_same_question_gets_the_same_answer_to_the_last_bit() -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, 12, pending=2)
    assert propose(campaign, history, MODEL, 2) == propose(campaign, history, MODEL, 2)


@pytest.mark.parametrize("observations", [0, 12])
@pytest.mark.usefixtures("_default_type")
def test_nothing_global_changes_a_proposal(observations: int) -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, observations)
    before = propose(campaign, history, MODEL, 2)
    torch.manual_seed(12345)
    torch.rand(100)
    random.seed(9)
    np.random.seed(7)
    torch.set_default_dtype(torch.float64)
    assert propose(campaign, history, MODEL, 2) == before


@pytest.mark.parametrize("proposer", [MODEL, AVERAGED])
@pytest.mark.parametrize("observations", [12, 120])
def test_one_thread_and_two_give_the_same_bits_whatever_was_drawn_before(
    proposer: BayesianProposer, observations: int
) -> None:
    campaign = campaign_of(cube(3))
    history = told(campaign, observations, pending=2)
    batches = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(threads)
        batches.append(propose(campaign, history, proposer, 2))
    assert batches[0] == batches[1]


def test_a_proposal_leaves_the_global_random_state_and_the_threads_alone() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 6)
    torch_state, state, threads = torch.get_rng_state(), random.getstate(), torch.get_num_threads()
    propose(campaign, history, MODEL, 1)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == state
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_another_process_proposes_the_same_from_the_written_events() -> None:
    campaign = campaign_of(MIXED)
    points = some_points(campaign, 10)
    events: list[Event] = [defined(campaign)]
    for i, point in enumerate(points, start=1):
        events += [proposed(i, point)] + ([observed(i, bowl(point))] if i <= 8 else [])
    here = propose(campaign, History.from_events(events), MODEL, 2)

    asked = {
        "campaign": campaign.model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in events],
        "proposer": MODEL.model_dump(mode="json"),
        "q": 2,
    }
    folder = Path(__file__).parent
    there = subprocess.run(
        [sys.executable, str(folder / "proposing_process.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        cwd=folder.parents[1],
        # The environment may select the instruction set of a BLAS, and with it the bits.
        env={**os.environ, "PYTHONPATH": str(folder.parents[1]), "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": "2"},
    )
    assert [Proposal.model_validate(p) for p in json.loads(there.stdout)] == here


@st.composite
def interleavings(draw: st.DrawFn) -> list[Event]:
    """Return the events of one campaign in a random order that keeps each trial's own."""
    campaign = campaign_of(cube(2))
    points = some_points(campaign, 9)
    lives: list[list[Event]] = []
    for i, point in enumerate(points, start=1):
        end: list[Event] = [] if i > 7 else [failed(i)] if i == 3 else [observed(i, bowl(point))]
        lives.append([proposed(i, point), *end])
    order = draw(st.permutations([i for i, life in enumerate(lives) for _ in life]))
    queues = [iter(life) for life in lives]
    return [defined(campaign), *(next(queues[i]) for i in order)]


@given(interleavings())
@settings(max_examples=5, deadline=None)
def test_the_order_in_which_trials_ended_does_not_matter(events: list[Event]) -> None:
    campaign = campaign_of(cube(2))
    in_order = sorted(events[1:], key=lambda e: (getattr(e, "trial", 0), e.kind != "trial_proposed"))
    expected = propose(campaign, History.from_events([events[0], *in_order]), MODEL, 2)
    assert propose(campaign, History.from_events(events), MODEL, 2) == expected
