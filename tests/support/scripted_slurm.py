"""A scheduler whose commands are small programs: they note each call, and answer what the test has written."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from overnight.flows.clusters.places.slurm.scheduler import COMMANDS, Scheduler

_PROGRAM = """#!{python} -SE
import json, pathlib, sys
folder, name = pathlib.Path({folder!r}), pathlib.Path(sys.argv[0]).name
script = "" if name in ("squeue", "scancel", "sinfo") else sys.stdin.read()
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([name, sys.argv[1:], script]) + "\\n")
answers = json.loads((folder / name).with_suffix(".json").read_text())
number = sum(json.loads(line)[0] == name for line in (folder / "calls").read_text().splitlines())
out, problem = answers[min(number, len(answers)) - 1]
sys.stdout.write(out.replace("NUMBER", str(number)))
sys.stderr.write(problem)
sys.exit(1 if problem else 0)
"""
SILENT = "error: Unable to contact slurm controller (connect failure)"


@dataclass(frozen=True)
class Submitted:
    """A call of `sbatch`: its options, its number of jobs, and the words of the command in its script."""

    options: dict[str, str]
    script: str

    @property
    def jobs(self) -> int:
        return int(self.options["--array"].removeprefix("0-")) + 1

    @property
    def words(self) -> list[str]:
        return shlex.split(self.script.splitlines()[1])

    @property
    def name(self) -> str:
        return self.options["--job-name"]


class ScriptedSlurm:
    """The commands in a folder of their own, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        (folder / "calls").touch()
        for name in COMMANDS:
            program = self.programs / name
            program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
            program.chmod(0o755)
            self.answer(name, "")
        self.answer("sbatch", "NUMBER\n")

    def scheduler(self) -> Scheduler:
        return Scheduler({"PATH": str(self.programs)})

    def answer(self, name: str, *outputs: str, problem: str = "") -> None:
        """Let a command answer its calls with these outputs, one after the other, the last one for ever.

        With a `problem`, each call fails with it on standard error.
        """
        (self._folder / f"{name}.json").write_text(json.dumps([[out, problem] for out in outputs]))

    def answer_in_turn(self, name: str, *answers: tuple[str, str]) -> None:
        """Let a command answer with an output and a problem, which is empty if the call succeeds."""
        (self._folder / f"{name}.json").write_text(json.dumps(answers))

    def show(self, *rows: tuple[str, str, int, str], reason: str = "None") -> None:
        """Let `squeue` show jobs with this id, state, number of restarts and name."""
        lines = [f"{job:<48}{state:<24}{restarts:<12}{name:<256}{reason}\n" for job, state, restarts, name in rows]
        self.answer("squeue", "".join(lines))

    def calls(self, *names: str) -> list[list[str]]:
        """Return the arguments of all calls of these commands; of all commands without a name."""
        found = [json.loads(line) for line in (self._folder / "calls").read_text().splitlines()]
        return [arguments for name, arguments, _ in found if not names or name in names]

    def submitted(self) -> list[Submitted]:
        found = [json.loads(line) for line in (self._folder / "calls").read_text().splitlines()]
        return [
            Submitted(dict(each.partition("=")[::2] for each in arguments), script)
            for name, arguments, script in found
            if name == "sbatch"
        ]
