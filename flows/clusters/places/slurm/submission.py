"""The submission of an array: its name, its files, the options of `sbatch` and the script of its jobs."""

import asyncio
import shlex
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from overnight.evaluators.processes.private_folder import private_folder
from overnight.flows.clusters.order import Order
from overnight.flows.clusters.places.slurm import job as program
from overnight.flows.clusters.places.slurm.options import OVERHEAD, SlurmOptions
from overnight.flows.clusters.places.slurm.scheduler import NoAnswer, Scheduler
from overnight.flows.clusters.resources import Needs, Resources


def name_of_jobs(token: str, order: Order) -> str:
    """Return the name of the jobs of an array: it is the same after a controller has died, and no other array's."""
    return f"overnight-{order.request.campaign}-{token}"


def log_of_job(token: str, order: Order, job: str) -> Path:
    """Return the file with a job's own output, among the campaign's folders for attempts."""
    return Path(order.work) / order.request.key.partition("/")[0] / "slurm" / f"{token}-{job}.log"


@dataclass(frozen=True)
class Submission:
    """An array for `count` orders like this one."""

    token: str
    order: Order
    count: int
    options: SlurmOptions
    resources: Resources

    @property
    def offers_turns(self) -> bool:
        """Return whether a job may have time for another order after its first one."""
        return self.options.idle > timedelta() and self._needs.longest + OVERHEAD + self.options.idle < self._walltime

    async def submitted(self, scheduler: Scheduler, again: float, patience: float) -> str:
        """Submit the array and return its id; while Slurm does not answer, ask whether it was accepted, and repeat."""
        name, log = name_of_jobs(self.token, self.order), self._log
        private_folder(log.parent)
        words = [f"--job-name={name}", f"--array=0-{self.count - 1}", f"--chdir={self.order.work}"]
        words += ["--requeue", "--open-mode=append", f"--output={str(log.parent).replace('%', '%%')}/{log.name}"]
        until = _now() + patience
        while True:
            try:
                return await scheduler.submit([*words, *self.options.words(self._needs)], self._script())
            except NoAnswer:
                if _now() > until:
                    raise
            await asyncio.sleep(again)
            with suppress(NoAnswer):
                if known := await scheduler.jobs([name]):
                    return known[0].id.partition("_")[0]

    def _script(self) -> str:
        walltime, idle = self._walltime.total_seconds(), self.options.idle.total_seconds()
        words = [self.options.interpreter, "-P", "-u", "-m", program.__name__]
        words += [self.order.ledger, self.order.request.campaign, self.token, f"{walltime:g}", f"{idle:g}"]
        return f"#!/bin/sh\nexec {shlex.join([*words, str(self._log)])}\n"

    @property
    def _log(self) -> Path:
        return log_of_job(self.token, self.order, program.NUMBER)

    @property
    def _needs(self) -> Needs:
        return Needs(self.resources, self.order.evaluator.time_limit, self.order.evaluator.grace)

    @property
    def _walltime(self) -> timedelta:
        return self.options.walltime(self._needs)


def _now() -> float:
    return asyncio.get_running_loop().time()
