"""A real Slurm cluster for tests: its own munged, slurmctld and slurmd on loopback, with all files in one folder.

Its two partitions differ in priority: jobs of `urgent` pre-empt those of `night`, which Slurm then puts back into its
queue.
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "scontrol")
# Debian keeps daemons where only root's PATH looks.
_DAEMONS = "/usr/sbin"
_SECONDS_TO_START = 60
_SECONDS_TO_END = 10
CPUS = 16
_CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
# A job that was put back into the queue waits for as long as its old credentials are valid.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=5
SlurmctldTimeout=10
SlurmdTimeout=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory=1000
PartitionName=night Nodes=ALL Default=YES MaxTime=1:00:00 PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=1:00:00 PriorityTier=9
"""


def missing_programs() -> list[str]:
    """Return the programs of Slurm and munge that are not installed here."""
    return [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]


class SlurmCluster:
    """A cluster of one node, which is this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        ports = [_free_port() for _ in range(2)]
        (folder / "munge.key").write_bytes(secrets.token_bytes(1024))
        (folder / "munge.key").chmod(0o600)
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        text = _CONFIGURATION.format(
            host=socket.gethostname(),
            controller_port=ports[0],
            node_port=ports[1],
            user=getpass.getuser(),
            folder=folder,
            cpus=CPUS,
        )
        (folder / "slurm.conf").write_text(text)

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the environment by which Slurm's commands find this cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _path()}

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        at = {name: str(self.folder / name) for name in ("munge.socket", "munge.key", "munge.pid", "munge.seed")}
        files = [f"--socket={at['munge.socket']}", f"--key-file={at['munge.key']}", f"--pid-file={at['munge.pid']}"]
        files += [f"--seed-file={at['munge.seed']}", f"--log-file={self.folder / 'munged.log'}"]
        self._start("munged", "--foreground", "--force", *files)
        self._wait_for(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.start_controller()
        self._start("slurmd", "-D", "-f", str(self.folder / "slurm.conf"))
        self._wait_for(lambda: self._node() == "idle", "the node")

    def start_controller(self) -> None:
        """Start slurmctld, which reads its state from the disk."""
        self._start("slurmctld", "-D", "-f", str(self.folder / "slurm.conf"))

    def kill_controller(self) -> None:
        """Kill slurmctld; running jobs continue."""
        process = self._running.pop("slurmctld")
        process.kill()
        process.wait()

    def wait_until_saved(self) -> None:
        """Return once slurmctld has written down everything that has happened so far, as it does every few seconds."""
        now, state = time.time(), self.folder / "state" / "job_state"
        # It writes only if something has changed.
        changed = self.command("sbatch", "--parsable", "--hold", "--output=/dev/null", "--wrap=true").strip()
        self._wait_for(lambda: state.exists() and state.stat().st_mtime > now, "the saving of jobs")
        self.command("scancel", changed)

    def wait_for_controller(self) -> None:
        """Return once slurmctld answers and knows that its node does."""
        self._wait_for(lambda: any(state in self._node() for state in ("idle", "mixed", "allocated")), "slurmctld")

    def _node(self) -> str:
        return self.command("sinfo", "--noheader", "--partition=night", "--format=%T").strip()

    def command(self, *words: str) -> str:
        """Return the output of one of Slurm's commands; an empty text if it fails."""
        done = subprocess.run(words, env=os.environ | self.variables, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def resume_node(self) -> None:
        """Let a drained node take jobs again, as an administrator would.

        A slurmctld that was killed before it saved a job gives the job's number to another one, at which the node is
        drained.
        """
        if "drain" in self._node():
            name = self.command("sinfo", "--noheader", "--partition=night", "--format=%N").strip()
            self.command("scontrol", "update", f"nodename={name}", "state=resume")

    def preempt(self, seconds: int) -> None:
        """Take the whole node from the jobs of `night` for so many seconds."""
        options = ["--partition=urgent", f"--ntasks={CPUS}", "--output=/dev/null"]
        assert self.command("sbatch", "--parsable", *options, f"--wrap=sleep {seconds}")

    def end(self) -> None:
        """End all jobs and all daemons."""
        user = f"--user={getpass.getuser()}"
        self.command("scancel", user, "--signal=KILL", "--full")
        self.command("scancel", user)
        until = time.monotonic() + _SECONDS_TO_END
        while self.command("squeue", "--noheader", user) and time.monotonic() < until:
            time.sleep(0.1)
        for process in reversed(self._running.values()):
            process.kill()
            process.wait()

    def log(self) -> str:
        """Return what the daemons have written."""
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.folder.glob("*.log")))

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            self._running[program] = subprocess.Popen(
                [program, *arguments],
                env={**os.environ, **self.variables},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _SECONDS_TO_START
        while not condition():
            assert time.monotonic() < until, f"{what} did not start: {self.log()}"
            time.sleep(0.1)


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[SlurmCluster]:
    """Yield a running cluster with its files in `folder`, whose path must be short: it holds a socket."""
    folder.chmod(0o755)
    cluster = SlurmCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{_DAEMONS}"


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
