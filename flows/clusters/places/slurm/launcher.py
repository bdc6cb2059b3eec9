"""Orders as jobs of Slurm, submitted as arrays; orders with the same key belong to one attempt.

A call of Slurm serves many orders. Those that are sent at about the same time are one array, jobs that are free take
further orders without a call, and one look shows all jobs.
"""

import asyncio
import secrets
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from overnight.evaluators.processes.private_folder import private_folder
from overnight.flows.clusters.claims import newest_number
from overnight.flows.clusters.order import Claim, Order
from overnight.flows.clusters.places.slurm import job as program
from overnight.flows.clusters.places.slurm.options import SlurmOptions
from overnight.flows.clusters.places.slurm.scheduler import Job, NoAnswer, Scheduler, environment_of_jobs
from overnight.flows.clusters.places.slurm.turns import DISMISSED, Array, Turn
from overnight.flows.clusters.resources import Needs, Resources
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
        self._starting, self._looking = asyncio.Lock(), asyncio.Lock()
        self._jobs: list[Job] = []
        self._looked = self._tried = float("-inf")
        self._asked: dict[str, float] = {}

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
        if sent is None or _now() - sent.since < self.pauses.look:
            return None
        longest = self.pauses.look if worker else min((_now() - sent.since) / 10, self.pauses.longest_look)
        await self._look(sent.array, max(self.pauses.look, longest))
        if self._looked < sent.since:
            return None
        job = self._job(sent, worker)
        if job is not None and job.alive:
            return None
        log = f"; its log is {_log(sent.order, sent.array.token, str(sent.turn.job))}"
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
        """Return whether Slurm has put the job of a claim back into its queue, or has already run it again."""
        sent = self._sent.get(key)
        if sent is None or claim.run is None:
            return False
        await self._look(sent.array, self.pauses.look)
        job = self._job(sent, claim.worker)
        return job is not None and job.alive and job.restarts > claim.run

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
            if self._arrays:
                return
            if self.scheduler is None:
                self.scheduler = Scheduler(environment_of_jobs(order.evaluator.variables, order.ledger))
            for token in await _tokens(mailboxes):
                self._arrays[token] = _array(mailboxes, token)

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
        for array in self._arrays.values():
            for turn in await array.offers():
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
        first = orders[0][0]
        array = _array(_mailboxes(first), secrets.token_hex(6))
        for number, (order, tries) in enumerate(orders):
            await self._recorded(order, array, Turn(number, 0), tries)
        needs = Needs(self.resources, first.evaluator.time_limit, first.evaluator.grace)
        log = _log(first, array.token, "%a")
        private_folder(log.parent)
        options = [
            f"--job-name={_job_name(array, first)}",
            f"--array=0-{len(orders) - 1}",
            f"--output={str(log.parent).replace('%', '%%')}/{log.name}",
            "--open-mode=append",
            "--requeue",
            f"--chdir={first.work}",
            *self.options.words(needs),
        ]
        self._ids[array.token] = await self._submitted(options, self._script(first, array, needs), array, first)
        self._arrays[array.token] = array
        for order, _ in orders:
            self._sent[order.request.key].since = _now()

    async def _submitted(self, options: list[str], script: str, array: Array, order: Order) -> str:
        """Submit the array and return its id; while Slurm does not answer, ask whether it was accepted, and repeat."""
        assert self.scheduler is not None
        until = _now() + self.pauses.patience
        while True:
            try:
                return await self.scheduler.submit(options, script)
            except NoAnswer:
                if _now() > until:
                    raise
            await asyncio.sleep(self.pauses.again)
            with suppress(NoAnswer):
                if known := await self.scheduler.jobs([_job_name(array, order)]):
                    return known[0].id.partition("_")[0]

    def _script(self, order: Order, array: Array, needs: Needs) -> str:
        words = [self.options.interpreter, "-P", "-u", "-m", program.__name__, order.ledger, order.request.campaign]
        words += [array.token, f"{self.options.walltime(needs).total_seconds():g}"]
        words += [f"{self.options.idle.total_seconds():g}", str(_log(order, array.token, "%a"))]
        return f"#!/bin/sh\nexec {shlex.join(words)}\n"

    async def _is_waiting(self, sent: _Sent) -> bool:
        """Return whether a recorded job still waits with the order, as far as Slurm answers."""
        try:
            held = await sent.array.order_of(sent.turn)
        except LookupError:
            return False
        if held is None or held.request.key != sent.order.request.key:
            return False
        await self._look(sent.array, max_age=self.pauses.again)
        if sent.array.token not in self._asked or self._looked < sent.since - self.pauses.again:
            return True
        job = self._job(sent, "")
        return job is not None and job.alive

    async def _look(self, array: Array, max_age: float) -> None:
        """Look at all jobs that were asked about lately, unless that was done within `max_age` seconds."""
        assert self.scheduler is not None
        fresh = array.token not in self._asked
        self._asked[array.token] = _now()
        async with self._looking:
            age = _now() - max(self._looked, self._tried)
            if age < (self.pauses.again if fresh else max_age):
                return
            kept = 4 * self.pauses.longest_look
            self._asked = {token: time for token, time in self._asked.items() if _now() - time < kept}
            orders = {sent.array.token: sent for sent in self._sent.values()}
            names = [_job_name(orders[t].array, orders[t].order) for t in self._asked if t in orders]
            self._tried = _now()
            with suppress(NoAnswer):
                self._jobs = await self.scheduler.jobs(names)
                self._looked = self._tried

    def _job(self, sent: _Sent, worker: str) -> Job | None:
        """Return the job that took an order, or the one that was to take it, as seen last."""
        if worker:
            return next((job for job in self._jobs if job.id == worker), None)
        name, end = _job_name(sent.array, sent.order), f"_{sent.turn.job}"
        return next((job for job in self._jobs if job.name == name and job.id.endswith(end)), None)


async def _tokens(mailboxes: Mailboxes) -> set[str]:
    """Return the tokens of the arrays whose jobs have not been dismissed."""
    names = [name.split("/") for name in await mailboxes.of(program.MAILBOXES).names()]
    dismissed = {token for token, name in names if name == DISMISSED}
    return {token for token, _ in names} - dismissed


def _job_name(array: Array, order: Order) -> str:
    return f"overnight-{order.request.campaign}-{array.token}"


def _log(order: Order, token: str, job: str) -> Path:
    """Return the file with a job's own output, among the campaign's folders for attempts."""
    return Path(order.work) / order.request.key.partition("/")[0] / "slurm" / f"{token}-{job}.log"


def _mailboxes(order: Order) -> Mailboxes:
    return open_mailboxes(order.ledger, order.request.campaign, Path())


def _array(mailboxes: Mailboxes, token: str) -> Array:
    return Array(token, mailboxes.of(program.mailbox_of(token)))


def _now() -> float:
    return asyncio.get_running_loop().time()
