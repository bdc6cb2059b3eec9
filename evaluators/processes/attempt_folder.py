"""The folder of one attempt: its request, its result, and the signs of life of its supervisor."""

from dataclasses import dataclass
from pathlib import Path

from overnight.evaluators.processes.private_folder import open_private, private_folder


@dataclass(frozen=True)
class AttemptFolder:
    """The files that an attempt leaves, by name; the supervisor writes claim, exit, stdout and stderr."""

    path: Path

    @classmethod
    def at(cls, folder: Path) -> "AttemptFolder":
        """Return the same names for the same folder, wherever it is called from, and create it."""
        private_folder(folder)
        return cls(folder.resolve())

    def make_places(self) -> None:
        """Create what an evaluation finds when it begins: where it may report to, and where it may keep things."""
        private_folder(self.artifacts)
        open_private(self.reports).close()

    @property
    def request(self) -> Path:
        """Return what is asked of the evaluation."""
        return self.path / "request.json"

    @property
    def result(self) -> Path:
        """Return where the evaluation puts its result."""
        return self.path / "result.json"

    @property
    def reports(self) -> Path:
        """Return where the evaluation appends what it measures on its way."""
        return self.path / "reports.jsonl"

    @property
    def artifacts(self) -> Path:
        """Return the folder for whatever the evaluation wants to keep."""
        return self.path / "artifacts"

    @property
    def start(self) -> Path:
        """Return what the supervisor is to start."""
        return self.path / "start.json"

    @property
    def claim(self) -> Path:
        """Return who has taken this attempt; there is one for ever."""
        return self.path / "claim.json"

    @property
    def stop(self) -> Path:
        """Return the sign that a controller has asked for the attempt's end; whoever else asks leaves none."""
        return self.path / "stop.json"

    @property
    def exit(self) -> Path:
        """Return how the attempt ended; once it is there, nothing of it runs."""
        return self.path / "exit.json"

    @property
    def stdout(self) -> Path:
        """Return what the evaluation printed."""
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        """Return what the evaluation complained about."""
        return self.path / "stderr"

    @property
    def supervisor_log(self) -> Path:
        """Return what the supervisor itself complained about."""
        return self.path / "supervisor.log"

    def variables(self) -> dict[str, str]:
        """Return the environment variables that lead an evaluation to its files."""
        return {
            "EVAL_REQUEST": str(self.request),
            "EVAL_RESULT": str(self.result),
            "EVAL_REPORTS": str(self.reports),
            "EVAL_ARTIFACTS": str(self.artifacts),
        }


def last_text(path: Path, size: int = 65_536) -> str:
    """Return the last bytes of a file as text; nothing if there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
