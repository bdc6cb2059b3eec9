"""The claims of an attempt, of which only the newest counts.

Almost every attempt has a single claim. A job that its cluster interrupts and runs again adds a claim to that of its
earlier run, once nothing of that run is left. So the attempt keeps its key, and two runs never overlap. A controller
that gives the attempt up adds the last claim, which no job can follow.
"""

import asyncio
from collections.abc import Collection

from overnight.campaign.errors import LedgerError
from overnight.flows.clusters.order import (
    BEAT,
    CLAIM,
    STOP,
    Claim,
    Order,
    left_name,
    next_name,
    outcome_name,
    read_claim,
)
from overnight.flows.host.identity import can_be_seen, process_started
from overnight.storage import Mailbox


class ClaimedLate(Exception):
    """The store answered so late that the controller may have given the claimed attempt up by now."""


def claim_name(number: int) -> str:
    """Return the name of the claim with this number; the first one has the number 0."""
    return CLAIM if number == 0 else f"{CLAIM}-{number}"


def newest_number(names: Collection[str]) -> int:
    """Return the number of the newest claim among the names in a mailbox; -1 without a claim."""
    number = -1
    while claim_name(number + 1) in names:
        number += 1
    return number


async def take(mailbox: Mailbox, claim: Claim, order: Order) -> int | None:
    """Claim the attempt and return the claim's number; None if it belongs to another worker or has ended.

    An earlier run of the same job may still be ending, for instance on a node that cannot be reached. This waits until
    that is over. Raises ClaimedLate if the claim took as long as an evaluation may give no sign of life.
    """
    if await _added(mailbox, 0, claim, order):
        return 0
    number = newest_number(await mailbox.names())
    earlier = read_claim(await mailbox.get(claim_name(number)) or "")
    if not _is_of_the_same_job(earlier, claim):
        return None
    await mailbox.put(next_name(earlier), claim.mark)
    await _until_over(mailbox, earlier, order)
    names = await mailbox.names()
    if outcome_name(earlier) in names or STOP in names:
        return None
    return number + 1 if await _added(mailbox, number + 1, claim, order) else None


async def _added(mailbox: Mailbox, number: int, claim: Claim, order: Order) -> bool:
    """Add a claim to the chain; return False if its number is taken."""
    began = asyncio.get_running_loop().time()
    added = await mailbox.put(claim_name(number), claim.model_dump_json())
    took = asyncio.get_running_loop().time() - began
    if added and took > order.pulse.silence / 2:
        raise ClaimedLate(f"it did not begin: its claim was stored only after {took:.0f}s")
    return added


def _is_of_the_same_job(earlier: Claim, later: Claim) -> bool:
    """Return whether both claims are from the same job, which its cluster ran again.

    The counts may be equal: a cluster that was killed may have forgotten that it had started the job before.
    """
    if earlier.run is None or later.run is None or not later.worker:
        return False
    return earlier.worker == later.worker and earlier.run <= later.run


async def _until_over(mailbox: Mailbox, earlier: Claim, order: Order) -> None:
    """Return once the earlier run has left word that it has ended, or once its end can be relied on.

    A worker ends its evaluation if it can leave no sign of life for half of `silence`. A supervisor does so if its
    worker has died. Both may need the evaluator's grace.
    """
    passed, pulse, to_end = asyncio.get_running_loop().time, order.pulse, order.evaluator.grace.total_seconds()
    since, beat = passed(), None
    while True:
        try:
            names, now = await mailbox.names(), await mailbox.get(BEAT)
        except LedgerError:
            since = passed()
        else:
            if left_name(earlier) in names or outcome_name(earlier) in names:
                return
            if now != beat:
                since, beat = passed(), now
        dead = can_be_seen(earlier.started) and process_started(earlier.pid) != earlier.started
        if passed() - since > to_end + (2 * pulse.beat if dead else pulse.silence):
            return
        await asyncio.sleep(min(1.0, pulse.beat))
