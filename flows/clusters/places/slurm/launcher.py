"""Orders as jobs of Slurm, submitted as arrays; orders with the same key belong to one attempt.

A call of Slurm serves many orders. Those that are sent at about the same time are one array, jobs that are free take
further orders without a call, and one look shows all jobs.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overnight.flows.clusters.claims import newest_number
from overnight.flows.clusters.order import Claim, Order
from overnight.flows.clusters.places.slurm import job as program
from overnight.flows.clusters.places.slurm.options import SlurmOptions
from overnight.flows.clusters.places.slurm.queue import Queue
from overnight.flows.clusters.places.slurm.scheduler import NoAnswer, Scheduler, environment_of_jobs
from overnight.flows.clusters.places.slurm.submission import Submission, log_of_job, name_of_jobs
from overnight.flows.clusters.places.slurm.turns import Array, Turn, tokens_in_use
from overnight.flows.clusters.resources import Resources
from overnight.storage import Mailboxes, open_mailboxes

_RECORD = "job"
_LARGEST_ARRAY = 500
_TRIES = 3


@dataclass(frozen=True)
class Pauses:
    """The seconds that orders are gathered for an array, between two looks, and that Slurm may give no answer."""

    gather: float = 1.0
    gather_at_most: float = 5.0
    look: float = 30.0
    longest_look: float = 120.0
    again: float = 5.0
    patience: float = 600.0


@dataclass
class _Sent:
    """An order with its job: the turn of an array, the time it was sent, and how often it was given to a job."""

    order: Order
    array: Array
    turn: Turn
    since: float
    tries: int = 1
    withdrawn: bool = False

    @property
    def name(self) -> str:
        """Return the name of the jobs of its array."""
        return name_of_jobs(self.array.token, self.order)


class SlurmLauncher:
    """A Launcher for a Slurm cluster, through the commands of this machine."""

    def __init__(
        self,
        options: SlurmOptions,
        resources: Resources,
        scheduler: Scheduler | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self.options, self.resources = options, resources
        self.scheduler, self.pauses = scheduler, pauses or Pauses()
        self._sent: dict[str, _Sent] = {}
        self._arrays: dict[str, Array] = {}
        self._ids: dict[str, str] = {}
        self._waiting: list[tuple[Order, int, asyncio.Future[None]]] = []
        self._gathering: asyncio.Task[None] | None = None
        self._starting, self._started = asyncio.Lock(), False
        self._queue = Queue(self.pauses.again)

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        """Give the order to a job that is free, or submit one; Slurm, and not we, chooses the node."""
        del avoid
        mailboxes = _mailboxes(order)
        await self._start(mailboxes, order)
        mailbox, key = mailboxes.of(order.request.key), order.request.key
        recorded = await mailbox.get(_RECORD)
        if recorded is not None:
            token, number, turn = recorded.split("/")
            self._sent[key] = _Sent(order, _array(mailboxes, token), Turn(int(number), int(turn)), _now())
        if newest_number(await mailbox.names()) >= 0:
            return
        if recorded is None or not await self._is_waiting(self._sent[key]):
            await self._give(order)

    async def ended(self, key: str, worker: str) -> str | None:
        """Return how the job of an order ended; an order whose job ended before it began is given to another job."""
        sent = self._sent.get(key)
        if sent is None or self.scheduler is None or _now() - sent.since < self.pauses.look:
            return None
        longest = self.pauses.look if worker else min((_now() - sent.since) / 10, self.pauses.longest_look)
        await self._queue.look(self.scheduler, sent.name, max(self.pauses.look, longest))
        if not self._queue.covers(sent.name, since=sent.since):
            return None
        job = self._queue.job_with_id(worker) if worker else self._queue.job(sent.name, sent.turn.job)
        if job is not None and job.alive:
            return None
        log = f"; its log is {log_of_job(sent.array.token, sent.order, str(sent.turn.job))}"
        if worker:
            return f"Slurm no longer knows its job {worker}{log}" if job is None else job.ending + log
        if job is not None and job.state != "COMPLETED" and sent.turn.number == 0:
            return job.ending + log
        if sent.tries >= _TRIES:
            return f"{sent.tries} jobs ended before they took it{log}"
        with suppress(NoAnswer):
            try:
                await self._give(sent.order, sent.tries + 1)
            except Exception as problem:
                return f"{type(problem).__name__}: {problem}"
        return None

    async def returns(self, key: str, claim: Claim) -> bool:
        """Return whether Slurm has put the job of a claim back into its queue, run it again, or suspended it."""
        sent = self._sent.get(key)
        if sent is None or self.scheduler is None or claim.run is None:
            return False
        await self._queue.look(self.scheduler, sent.name, self.pauses.look)
        job = self._queue.job_with_id(claim.worker)
        return job is not None and job.alive and (job.suspended or job.restarts > claim.run)

    async def withdraw(self, key: str) -> None:
        """Note that a job is no longer needed; it is cancelled at the end, and would evaluate nothing before."""
        self._waiting = [one for one in self._waiting if one[0].request.key != key]
        if key in self._sent:
            self._sent[key].withdrawn = True

    async def close(self) -> None:
        """End jobs that wait for orders, and cancel those whose orders were withdrawn; all others continue."""
        if self._gathering is not None:
            self._gathering.cancel()
            await asyncio.wait({self._gathering})
        with suppress(Exception):
            for array in self._arrays.values():
                await array.dismiss()
        unneeded = [
            f"{self._ids[sent.array.token]}_{sent.turn.job}"
            for sent in self._sent.values()
            if sent.withdrawn and sent.turn.number == 0 and sent.array.token in self._ids
        ]
        if unneeded and self.scheduler is not None:
            await self.scheduler.cancel(unneeded)

    async def _start(self, mailboxes: Mailboxes, order: Order) -> None:
        """Find the arrays of earlier controllers, whose jobs may be free."""
        async with self._starting:
            if self._started:
                return
            if self.scheduler is None:
                self.scheduler = Scheduler(environment_of_jobs(order.evaluator.variables, order.ledger))
            for token in tokens_in_use(await mailboxes.of(program.MAILBOXES).names()):
                self._arrays[token] = _array(mailboxes, token)
                self._queue.ask_about(name_of_jobs(token, order))
            self._started = True

    async def _give(self, order: Order, tries: int = 1) -> None:
        """Give the order to a job that is free, or else to one of a new array."""
        if await self._given_to_free_job(order, tries):
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((order, tries, done))
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._gather())
        await done

    async def _given_to_free_job(self, order: Order, tries: int) -> bool:
        for array in list(self._arrays.values()):
            offers = await array.offers()
            if offers is None:
                self._arrays.pop(array.token, None)
            for turn in offers or ():
                if await self._recorded(order, array, turn, tries):
                    return True
        return False

    async def _recorded(self, order: Order, array: Array, turn: Turn, tries: int) -> bool:
        """Record the job of an order, and fill the turn with it; return False if the turn has been filled before."""
        # Recorded first: a controller that finds no record would not know which job to ask about.
        record = f"{array.token}/{turn.job}/{turn.number}"
        await _mailboxes(order).of(order.request.key).replace(_RECORD, record)
        if not await array.give(turn, order):
            return False
        self._sent[order.request.key] = _Sent(order, array, turn, _now(), tries)
        return True

    async def _gather(self) -> None:
        """Submit an array for the orders that are waiting, once no more have come for a moment."""
        while self._waiting:
            count, until = 0, _now() + self.pauses.gather_at_most
            while count < len(self._waiting) and _now() < until:
                count = len(self._waiting)
                await asyncio.sleep(self.pauses.gather)
            batch, self._waiting = self._waiting[:_LARGEST_ARRAY], self._waiting[_LARGEST_ARRAY:]
            try:
                # The job whose result led to an order is free a moment after that result was seen.
                orders = [(order, tries) for order, tries, _ in batch]
                await self._submit([one for one in orders if not await self._given_to_free_job(*one)])
            except BaseException as problem:
                for _, _, done in batch:
                    if not done.done():
                        done.set_exception(problem if isinstance(problem, Exception) else NoAnswer("it was stopped"))
                if not isinstance(problem, Exception):
                    raise
            for _, _, done in batch:
                if not done.done():
                    done.set_result(None)

    async def _submit(self, orders: list[tuple[Order, int]]) -> None:
        if not orders:
            return
        assert self.scheduler is not None
        first, token = orders[0][0], secrets.token_hex(6)
        array = _array(_mailboxes(first), token)
        for number, (order, tries) in enumerate(orders):
            await self._recorded(order, array, Turn(number, 0), tries)
        submission = Submission(token, first, len(orders), self.options, self.resources)
        if submission.offers_turns:
            # Known before it is submitted, so that `close` dismisses its jobs even if it interrupts the submission.
            self._arrays[token] = array
        self._ids[token] = await submission.submitted(self.scheduler, self.pauses.again, self.pauses.patience)
        for order, _ in orders:
            self._sent[order.request.key].since = _now()

    async def _is_waiting(self, sent: _Sent) -> bool:
        """Return whether a recorded job still waits with the order, as far as Slurm answers."""
        try:
            held = await sent.array.order_of(sent.turn)
        except LookupError:
            return False
        if held is None or held.request.key != sent.order.request.key:
            return False
        assert self.scheduler is not None
        await self._queue.look(self.scheduler, sent.name, self.pauses.again)
        if not self._queue.covers(sent.name):
            return True
        job = self._queue.job(sent.name, sent.turn.job)
        return job is not None and job.alive


def _mailboxes(order: Order) -> Mailboxes:
    return open_mailboxes(order.ledger, order.request.campaign, Path())


def _array(mailboxes: Mailboxes, token: str) -> Array:
    return Array(token, mailboxes.of(program.mailbox_of(token)))


def _now() -> float:
    return asyncio.get_running_loop().time()
