"""The folder of one attempt: its request, its result, and the records of its supervisor."""

from dataclasses import dataclass
from pathlib import Path

from overnight.campaign import EvaluationRequest
from overnight.evaluators.processes.private_folder import open_private, private_folder


@dataclass(frozen=True)
class AttemptFolder:
    """The paths of an attempt's files; the supervisor writes claim, exit, stdout and stderr."""

    path: Path

    @classmethod
    def at(cls, folder: Path) -> "AttemptFolder":
        """Create the folder if it is missing; every process gets the same paths for it."""
        private_folder(folder)
        return cls(folder.resolve())

    def make_places(self) -> None:
        """Create the file for reports and the folder for artifacts, which an evaluation expects to find."""
        private_folder(self.artifacts)
        open_private(self.reports).close()

    @property
    def request(self) -> Path:
        """Return the file with the request to the evaluation."""
        return self.path / "request.json"

    @property
    def result(self) -> Path:
        """Return the file for the evaluation's result."""
        return self.path / "result.json"

    @property
    def reports(self) -> Path:
        """Return the file to which the evaluation appends its reports while it runs."""
        return self.path / "reports.jsonl"

    @property
    def artifacts(self) -> Path:
        """Return the folder for files that the evaluation keeps."""
        return self.path / "artifacts"

    @property
    def start(self) -> Path:
        """Return the file with the command and its limits, for the supervisor."""
        return self.path / "start.json"

    @property
    def claim(self) -> Path:
        """Return the file by which one process has taken this attempt; it is never replaced."""
        return self.path / "claim.json"

    @property
    def stop(self) -> Path:
        """Return the file that exists if a controller has asked the attempt to end; other requests leave none."""
        return self.path / "stop.json"

    @property
    def exit(self) -> Path:
        """Return the record of the attempt's end; once it exists, no process of the attempt runs."""
        return self.path / "exit.json"

    @property
    def stdout(self) -> Path:
        """Return the file with the evaluation's standard output."""
        return self.path / "stdout"

    @property
    def stderr(self) -> Path:
        """Return the file with the evaluation's standard error."""
        return self.path / "stderr"

    @property
    def supervisor_log(self) -> Path:
        """Return the file with the output of the supervisor itself."""
        return self.path / "supervisor.log"

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which an evaluation finds its files."""
        return {
            "EVAL_REQUEST": str(self.request),
            "EVAL_RESULT": str(self.result),
            "EVAL_REPORTS": str(self.reports),
            "EVAL_ARTIFACTS": str(self.artifacts),
        }


def with_paths(request: EvaluationRequest, folder: Path) -> EvaluationRequest:
    """Return the request of the attempt in `folder` with absolute paths of the artifacts from which it may continue.

    A relative path is one in the folder for artifacts of the attempt that returned it, which has the same work folder
    on the same machine. Addresses stay as they are.
    """
    earlier = request.resume_from
    if earlier is None:
        return request
    work = folder.resolve().parents[request.key.count("/")]
    places = AttemptFolder(work / earlier.key).artifacts
    paths = tuple(each if "://" in each else str(places / each) for each in earlier.artifacts)
    return request.model_copy(update={"resume_from": earlier.model_copy(update={"artifacts": paths})})


def last_text(path: Path, size: int = 65_536) -> str:
    """Return the last `size` bytes of a file as text; an empty text if there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
