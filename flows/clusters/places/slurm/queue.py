"""The jobs in Slurm's queue as they were last seen, by one call for all of them."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from overnight.flows.clusters.places.slurm.scheduler import Job, NoAnswer, Scheduler

_NEVER = float("-inf")
# A look leaves out jobs that were not asked about for so many seconds.
_FORGOTTEN = 600.0


@dataclass
class Queue:
    """Looks at the jobs that were asked about lately; two calls are at least `again` seconds apart."""

    again: float
    seen: float = _NEVER
    _called: float = _NEVER
    _jobs: list[Job] = field(default_factory=list)
    _asked: dict[str, float] = field(default_factory=dict)
    _covered: frozenset[str] = frozenset()
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def ask_about(self, name: str) -> None:
        """Include the jobs with this name in the next look."""
        self._asked[name] = _now()

    async def look(self, scheduler: Scheduler, name: str, max_age: float) -> None:
        """Look at the jobs with this name, unless they were seen within `max_age` seconds; Slurm may not answer."""
        self.ask_about(name)
        async with self._looking:
            now = _now()
            fresh = self.covers(name) and now - self.seen <= max_age
            if fresh or now - self._called < self.again:
                return
            self._asked = {name: time for name, time in self._asked.items() if now - time < _FORGOTTEN}
            names, self._called = frozenset(self._asked), now
            with suppress(NoAnswer):
                self._jobs = await scheduler.jobs(sorted(names))
                self.seen, self._covered = now, names

    def covers(self, name: str, since: float = _NEVER) -> bool:
        """Return whether all jobs with this name have been seen since a moment, if there are any."""
        return name in self._covered and self.seen >= since

    def job(self, name: str, number: int) -> Job | None:
        """Return the job with this number in an array, as it was last seen."""
        return next((job for job in self._jobs if job.name == name and job.id.endswith(f"_{number}")), None)

    def job_with_id(self, wanted: str) -> Job | None:
        """Return the job with this id, as it was last seen."""
        return next((job for job in self._jobs if job.id == wanted), None)


def _now() -> float:
    return asyncio.get_running_loop().time()
