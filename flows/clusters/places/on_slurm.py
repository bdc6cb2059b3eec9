"""Evaluations as jobs of a Slurm cluster."""

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Literal

from overnight.campaign.errors import CannotStart
from overnight.campaign.problems import Problem
from overnight.campaign.values.duration import Duration, format_duration
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.places.kind import PlaceKind
from overnight.flows.clusters.places.slurm.launcher import SlurmLauncher
from overnight.flows.clusters.places.slurm.options import OVERHEAD, SlurmOptions, read_slurm_time
from overnight.flows.clusters.places.slurm.scheduler import COMMANDS, NoAnswer, NotNow, Refused, Scheduler
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.host.patience import wait_for

_PATIENCE, _ANSWER_SECONDS = 60.0, 20.0


class OnSlurm(PlaceKind):
    """In jobs of the Slurm cluster that this machine submits to; `start_within` limits an attempt's wait for a job."""

    form: ClassVar[str] = "`{slurm: {partition: NAME}}` of a Slurm cluster"

    kind: Literal["slurm"] = "slurm"
    slurm: SlurmOptions = SlurmOptions()
    start_within: Duration = timedelta(days=1)

    def __str__(self) -> str:
        partition = self.slurm.partition
        return "Slurm" if partition is None else f"the Slurm partition {partition}"

    def misfits(self, needs: Needs) -> list[Problem]:
        """Return a problem if a job could end before its first evaluation."""
        least = needs.longest + OVERHEAD
        if self.slurm.time is None or self.slurm.time >= least:
            return []
        text = (
            f"expected at least {format_duration(least)}, the evaluator's `time_limit` and `grace` with "
            f"{format_duration(OVERHEAD)} for the job itself, got {format_duration(self.slurm.time)}: Slurm would end "
            "an evaluation that Overnight still allows. Write a longer `time`, or a shorter `evaluator.time_limit`"
        )
        return [Problem(("slurm", "time"), text)]

    def problems(self, needs: Needs) -> list[str]:
        """Return the commands that are missing here, or a partition that ends jobs before their first evaluation."""
        if missing := [command for command in COMMANDS if shutil.which(command) is None]:
            advice = "Start Overnight on a machine from which you submit jobs"
            return [f"`run_on.slurm`: expected Slurm's commands on the PATH, found no {', '.join(missing)}. {advice}"]
        walltime = self.slurm.walltime(needs)
        most = self._longest_of_partition()
        if most is None or walltime <= most:
            return []
        cause = "`run_on.slurm.time`" if self.slurm.time else "`evaluator.time_limit`"
        return [
            f"`run_on.slurm`: expected jobs of at most {format_duration(most)}, which {self} allows, found "
            f"{format_duration(walltime)}, because of {cause}. Such a job would never start. Write a shorter time "
            "there, or name another partition"
        ]

    def _longest_of_partition(self) -> timedelta | None:
        """Return the longest walltime that the partition allows; None without a limit, or if Slurm does not answer.

        Of several partitions, Slurm takes one that can start the job.
        """
        partition = self.slurm.partition
        command = ["sinfo", "--noheader", "--format=%P|%l", *([f"--partition={partition}"] if partition else [])]
        answer = ""
        with suppress(OSError, subprocess.SubprocessError):
            answer = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS, stdin=subprocess.DEVNULL
            ).stdout
        rows = [line.strip().split("|") for line in answer.splitlines()]
        found = [row[1] for row in rows if len(row) == 2 and (partition or row[0].endswith("*"))]
        limits = [limit for text in found if (limit := read_slurm_time(text)) is not None]
        return max(limits, default=None) if len(limits) == len(found) else None

    async def reach(self, notify: Callable[[str], None], needs: Needs, patience: float = _PATIENCE) -> None:
        """Return once Slurm would accept such a job; raises CannotStart if it refuses, or does not answer in time."""
        options, scheduler = self.slurm.words(needs), Scheduler()
        asked = f"run_on.slurm: expected Slurm to accept jobs with {' '.join(options)}"

        async def problem() -> str | None:
            try:
                await scheduler.try_out(options)
            except NotNow as why:
                notify(f"{asked}, but no node can take one now: {why}. Jobs wait in the queue.")
            except NoAnswer as silence:
                return f"{asked}, found no answer: {silence}."
            return None

        try:
            found = await wait_for(problem, notify, patience)
        except Refused as refusal:
            advice = "Correct `run_on.slurm` or `resources`. Nothing was started."
            raise CannotStart(f"{asked}, but it refuses them: {refusal}. {advice}") from None
        if found is not None:
            raise CannotStart(f"{found} Try again once `sinfo` answers. Nothing was started.")

    def launcher(self, resources: Resources) -> Launcher:
        """Return the launcher that submits the jobs."""
        return SlurmLauncher(self.slurm, resources)
