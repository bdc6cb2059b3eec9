"""The keys under `run_on.slurm`, and the options of `sbatch` that follow from them."""

import math
import re
import sys
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from overnight.campaign.values.duration import Duration, Pause
from overnight.flows.clusters.resources import Needs

# A job needs this long to start Python, to find its attempt, to wait for an earlier run of its own, and to store.
OVERHEAD = timedelta(minutes=3)
_NAME = re.compile(r"[A-Za-z0-9_][^\s\x00-\x1f\x7f]*")
_OPTION = re.compile(r"--([a-z][a-z-]*)(=.*)?")
# Overnight sets these itself, or the launcher could not work with them. `sbatch` accepts any beginning of a name.
_OWN = (
    "account",
    "array",
    "chdir",
    "clusters",
    "constraint",
    "cpus-per-task",
    "dependency",
    "error",
    "export",
    "export-file",
    "get-user-env",
    "gres",
    "help",
    "input",
    "job-name",
    "mem",
    "nodes",
    "ntasks",
    "open-mode",
    "output",
    "parsable",
    "partition",
    "qos",
    "quiet",
    "requeue",
    "test-only",
    "time",
    "uid",
    "usage",
    "version",
    "wait",
    "wrap",
)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"expected a name without spaces that does not begin with `-`, got {text!r}")
    return text


def _constraint(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"expected features of nodes, such as `avx2&ib`, got {text!r}")
    return text


def _extra(option: str) -> str:
    found = _OPTION.fullmatch(option)
    if found is None or not option.isprintable():
        raise ValueError(f"expected an option such as `--nice=100` or `--exclusive`, got {option!r}")
    name = found[1]
    if own := next((each for each in _OWN if each == name or each.startswith(name)), None):
        raise ValueError(f"expected an option that Overnight does not set itself, got {option!r} (see `--{own}`)")
    return option


Name = Annotated[str, AfterValidator(_name)]


class SlurmOptions(BaseModel):
    """The jobs of a campaign on a Slurm cluster; keys that are not set are left to the cluster's defaults.

    `time` is the walltime of a job, by default just enough for one evaluation; with more, a job evaluates one trial
    after the other, and waits up to `idle` for the next. `extra` are more options of `sbatch`. `python` is the
    interpreter on the nodes, by default the path of the one that runs the controller.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Name | None = None
    account: Name | None = None
    qos: Name | None = None
    constraint: Annotated[str, AfterValidator(_constraint)] | None = None
    time: Duration | None = None
    idle: Pause = timedelta(minutes=1)
    extra: tuple[Annotated[str, AfterValidator(_extra)], ...] = ()
    python: Annotated[str, AfterValidator(_constraint)] | None = None

    @property
    def interpreter(self) -> str:
        """Return the path of Python on the nodes."""
        return self.python or sys.executable

    def walltime(self, needs: Needs) -> timedelta:
        """Return the walltime of a job, in whole minutes as Slurm counts it."""
        wanted = self.time or needs.longest + OVERHEAD
        return timedelta(minutes=math.ceil(wanted / timedelta(minutes=1)))

    def words(self, needs: Needs) -> list[str]:
        """Return the options of `sbatch` that describe a job, without those that name it and its files."""
        resources, keys = needs.resources, ("partition", "account", "qos", "constraint")
        asked = [f"--{key}={value}" for key in keys if (value := getattr(self, key)) is not None]
        asked += [f"--time={slurm_time(self.walltime(needs))}", "--nodes=1", "--ntasks=1"]
        if resources.cpus is not None:
            asked.append(f"--cpus-per-task={math.ceil(resources.cpus)}")
        if resources.memory is not None:
            asked.append(f"--mem={math.ceil(resources.memory / 2**20)}M")
        if resources.gpus:
            asked.append(f"--gres=gpu:{resources.gpus}")
        return [*asked, *self.extra]


def slurm_time(length: timedelta) -> str:
    """Return a length as `DAYS-HOURS:MINUTES:SECONDS`."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{seconds:02}"


def read_slurm_time(text: str) -> timedelta | None:
    """Return the length that Slurm prints as `[DAYS-]HOURS:MINUTES:SECONDS` or `MINUTES:SECONDS`; None if unlimited."""
    days, _, clock = text.strip().rpartition("-")
    parts = clock.split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in (*parts, days or "0")):
        return None
    hours, minutes, seconds = (["0"] * (3 - len(parts))) + parts
    return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
