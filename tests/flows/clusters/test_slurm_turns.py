"""The turns of jobs: each is filled once, by an order or by the job's end."""

import asyncio
from pathlib import Path

import pytest

from overnight.campaign import EvaluationRequest
from overnight.evaluators import SimulatedEvaluator
from overnight.flows.clusters.order import Order
from overnight.flows.clusters.places.slurm.turns import Array, Turn, tokens_in_use
from overnight.storage import open_mailboxes


def order(trial: int) -> Order:
    request = EvaluationRequest(
        campaign="night",
        trial=trial,
        attempt=1,
        key=f"night-1a2b/{trial}/1-abcdef",
        parameters={"x": 0.1, "y": 0.2},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    return Order(ledger="ledger", work="work", evaluator=SimulatedEvaluator(function="branin"), request=request)


@pytest.fixture
def array(tmp_path: Path) -> Array:
    return Array("token", open_mailboxes(str(tmp_path / "ledger"), "night", Path()).of("slurm/token"))


async def test_of_all_that_fill_a_turn_at_once_one_does(array):
    turn = Turn(0, 1)
    filled = await asyncio.gather(*(array.give(turn, order(trial)) for trial in range(5)), array.close(turn))
    assert sum(filled) == 1
    held = await array.order_of(turn)
    assert (held is None) == filled[-1]
    assert held is None or filled[held.request.trial]


async def test_a_turn_that_nobody_has_filled_is_neither_an_order_nor_closed(array):
    with pytest.raises(LookupError):
        await array.order_of(Turn(0, 0))


async def test_what_is_offered_and_not_filled_is_free(array):
    for job in range(3):
        await array.give(Turn(job, 0), order(job))
    for job in (0, 2):
        await array.offer(Turn(job, 1))
    assert await array.offers() == [Turn(0, 1), Turn(2, 1)]
    await array.give(Turn(0, 1), order(7))
    assert await array.offers() == [Turn(2, 1)]
    assert await array.newest(0) == Turn(0, 1)
    assert await array.newest(1) == Turn(1, 0)


async def test_an_array_is_over_once_all_its_jobs_have_ended_or_it_was_dismissed(array):
    assert tokens_in_use(()) == set()
    for job in range(2):
        await array.give(Turn(job, 0), order(job))
    await array.note_end(0)
    assert await array.offers() == []
    assert tokens_in_use(f"token/{name}" for name in await array.mailbox.names()) == {"token"}
    await array.note_end(1)
    assert await array.offers() is None
    assert tokens_in_use(f"token/{name}" for name in await array.mailbox.names()) == set()


async def test_jobs_of_a_dismissed_array_get_no_more_orders(array):
    await array.give(Turn(0, 0), order(1))
    await array.offer(Turn(0, 1))
    assert not await array.is_dismissed()
    await array.dismiss()
    assert await array.is_dismissed()
    assert await array.offers() is None
