"""An installation on one machine whose parts can all be killed at once and started again, by a shifted clock.

PostgreSQL, a Prefect server on it, an S3 server, and a worker each for the campaigns and for the proposals.
"""

import os
import subprocess
import sysconfig
import venv
from collections import Counter
from pathlib import Path
from typing import Any

from postgres_server import PostgresServer
from prefect_on_postgres import PrefectOnPostgres, without_prefect
from s3_server import WRITER, S3Server
from shifted_clock import ShiftedClock
from victims import Scene, Victim

from overnight.evaluators.processes.supervisor import all_processes, with_descendants

CAMPAIGNS, PROPOSALS = "nights", "gpu"
_SIGNED_IN_REAL_TIME = Path(__file__).with_name("signed_in_real_time")
_DRIVER = "postgresql+asyncpg"
_PROGRAMS = {"postgres": "PostgreSQL", "weed": "S3 server"}


class Installation:
    """All parts, in folders of their own below `folder`; the variables of each of its processes name this folder."""

    def __init__(self, folder: Path, clock: ShiftedClock) -> None:
        self.folder, self.clock = folder, clock
        for part in ("postgres", "s3", "prefect", "workers"):
            (folder / part).mkdir()
        # PostgreSQL runs as another user, and has to reach its own folder and the clock.
        for path in (folder, *clock.folder.iterdir()):
            path.chmod(path.stat().st_mode | (0o011 if path.is_dir() else 0o044))
        self.python = _python(folder / "venv")
        self.postgres = PostgresServer(folder / "postgres", clock.environment)
        self.s3 = S3Server(folder / "s3", more=clock.environment)
        self.prefect: PrefectOnPostgres | None = None
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def s3_variables(self) -> dict[str, str]:
        """Return the writer's credentials and the address of the S3 server."""
        return WRITER.environment(self.s3.endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of workers and of people's commands."""
        assert self.prefect is not None
        own = {"PREFECT_WORKER_QUERY_SECONDS": "2", "COLUMNS": "100"}
        return (
            without_prefect(os.environ) | self.prefect.environment() | self.s3_variables | self.clock.environment | own
        )

    def start(self) -> None:
        """Start all parts, or start them again after they were killed; the data of an earlier start are kept."""
        self.postgres.start()
        if self.prefect is None:
            database = self.postgres.create_database("prefect", _DRIVER)
            self.prefect = PrefectOnPostgres(self.folder / "prefect", database, self.clock.environment)
        self.s3.start()
        self.prefect.start()
        for pool in (CAMPAIGNS, PROPOSALS):
            self._workers[pool] = self._worker(pool)

    def ask(self, path: str, body: Any) -> Any:
        """Post a request to the Prefect server and return its answer."""
        assert self.prefect is not None
        return self.prefect.post(path, body)

    def scene(self) -> Scene:
        """Look at the processes of the installation and of its campaigns."""
        return Scene.of(self.folder)

    def kill_everything(self) -> Counter[str]:
        """Kill every process with SIGKILL, and return their numbers by the part to which they belonged."""
        roles = self._roles()
        killed: Counter[str] = Counter()
        while victims := self._victims():
            for victim in victims:
                killed[roles.get(victim.pid, "other")] += victim.kill()
        # They are reaped here, and their files outside of their folders are removed.
        for process in self._workers.values():
            process.wait()
        for server in (self.postgres, self.s3, self.prefect):
            if server is not None:
                server.kill()
        return killed

    def _victims(self) -> list[Victim]:
        """Return the processes that were given the folder, and their descendants: PostgreSQL's hide their variables."""
        processes = all_processes()
        marked = {victim.pid for victim in self.scene().victims}
        family = with_descendants(marked, processes)
        return [Victim(process, b"", b"") for process in processes if process.pid in family]

    def _roles(self) -> dict[int, str]:
        """Return the part to which each process belongs; a later line replaces those before it."""
        processes, scene = all_processes(), self.scene()
        roles: dict[int, str] = {}

        def belong(roots: set[int], role: str) -> None:
            roles.update(dict.fromkeys(with_descendants(roots, processes), role))

        for victim in scene.victims:
            if part := _part(victim.command):
                belong({victim.pid}, part)
        for pool, worker in self._workers.items():
            belong({worker.pid}, f"worker of `{pool}`")
        for run in scene.controllers:
            proposes = roles.get(run.pid) == f"worker of `{PROPOSALS}`"
            belong({run.pid}, "proposal" if proposes else "controller")
        belong({victim.pid for victim in (*scene.supervisors, *scene.evaluations)}, "evaluation")
        return roles

    def _worker(self, pool: str) -> "subprocess.Popen[bytes]":
        with (self.folder / "workers" / pool).open("ab") as output:
            return subprocess.Popen(
                [str(self.python), "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"],
                cwd=self.folder / "workers",
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


def _python(folder: Path) -> Path:
    """Make an environment with all packages of this one, whose processes sign requests to S3 in real time."""
    venv.create(folder)
    [packages] = folder.glob("lib/*/site-packages")
    also = [sysconfig.get_path("purelib"), str(_SIGNED_IN_REAL_TIME)]
    (packages / "also.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in also))
    return folder / "bin" / "python"


def _part(command: bytes) -> str | None:
    """Return the name of the part whose first process has this command line; None if it is another process."""
    words = [os.fsdecode(word) for word in command.split(b"\0")]
    if words[1:5] == ["-m", "prefect", "server", "start"]:
        return "Prefect server"
    return _PROGRAMS.get(Path(words[0]).name)
