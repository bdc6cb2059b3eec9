"""The messages between a controller and the jobs of one array.

The jobs are numbered, and each takes turns: one order a turn. The first order is there before the job is submitted.
After each turn, a job that has time left offers itself for another one. The slot of that turn is filled only once: by
the controller with an order, or by the job, which then ends.
"""

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from overnight.flows.clusters.order import Order
from overnight.storage import Mailbox

_NAME = re.compile(r"(?P<kind>order|offer)-(?P<job>\d+)-(?P<turn>\d+)")
_FIRST_ORDER, _ENDED = re.compile(r"order-\d+-0"), "ended-"
_CLOSED = "closed "
_DISMISSED = "dismissed"


@dataclass(frozen=True, order=True)
class Turn:
    """The turn with this number of the job with this number in its array; both count from 0."""

    job: int
    number: int

    @property
    def next(self) -> "Turn":
        """Return the job's next turn."""
        return Turn(self.job, self.number + 1)


@dataclass(frozen=True)
class Array:
    """An array of jobs: its token, which is part of the jobs' name, and its mailbox."""

    token: str
    mailbox: Mailbox

    async def give(self, turn: Turn, order: Order) -> bool:
        """Fill the turn with an order; return False if it has been filled before."""
        return await self.mailbox.put(_slot(turn), order.model_dump_json())

    async def close(self, turn: Turn) -> bool:
        """Let the job end instead of taking the turn; return False if the turn has been filled before."""
        return await self.mailbox.put(_slot(turn), _CLOSED + secrets.token_hex(8))

    async def offer(self, turn: Turn) -> None:
        """Note that the job is free for the turn."""
        await self.mailbox.put(f"offer-{turn.job}-{turn.number}", secrets.token_hex(8))

    async def dismiss(self) -> None:
        """Let jobs end that are free: their controller ends and will give no more orders."""
        await self.mailbox.put(_DISMISSED, secrets.token_hex(8))

    async def is_dismissed(self) -> bool:
        """Return whether jobs that are free should end."""
        return await self.mailbox.get(_DISMISSED) is not None

    async def order_of(self, turn: Turn) -> Order | None:
        """Return the order of a turn; None if it is closed. Raises LookupError if the turn is not filled."""
        text = await self.mailbox.get(_slot(turn))
        if text is None:
            raise LookupError(turn)
        return None if text.startswith(_CLOSED) else Order.model_validate_json(text)

    async def newest(self, job: int) -> Turn:
        """Return the newest turn of a job that has been filled; the first one if none has."""
        orders, _ = _read(await self.mailbox.names())
        return max((turn for turn in orders if turn.job == job), default=Turn(job, 0))

    async def note_end(self, job: int) -> None:
        """Note that the job has ended and will take no more turns."""
        await self.mailbox.put(f"{_ENDED}{job}", secrets.token_hex(8))

    async def offers(self) -> list[Turn] | None:
        """Return the turns for which jobs are free; None once no job can be free any more."""
        names = await self.mailbox.names()
        if _is_over(names):
            return None
        orders, offers = _read(names)
        return sorted(offers - orders)


def tokens_in_use(names: Iterable[str]) -> set[str]:
    """Return the tokens of the arrays that may have jobs, by the names in the mailbox around those of all arrays."""
    of_array = defaultdict[str, list[str]](list)
    for name in names:
        token, _, rest = name.partition("/")
        of_array[token].append(rest)
    return {token for token, names in of_array.items() if not _is_over(names)}


def _is_over(names: Collection[str]) -> bool:
    """Return whether the array was dismissed, or all of its jobs have noted their end."""
    jobs = sum(_FIRST_ORDER.fullmatch(name) is not None for name in names)
    return _DISMISSED in names or sum(name.startswith(_ENDED) for name in names) >= jobs


def _slot(turn: Turn) -> str:
    return f"order-{turn.job}-{turn.number}"


def _read(names: Iterable[str]) -> tuple[set[Turn], set[Turn]]:
    found = [match for name in names if (match := _NAME.fullmatch(name))]
    orders, offers = (
        {Turn(int(each["job"]), int(each["turn"])) for each in found if each["kind"] == kind}
        for kind in ("order", "offer")
    )
    return orders, offers
