"""The peer optimizers, each with its program and its virtual environment."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent


class PeerIsNotInstalled(Exception):
    """The peer's virtual environment is missing."""


@dataclass(frozen=True)
class Peer:
    """The location of a peer.

    venv: a folder in `.venvs`; program: a file in `programs` and its arguments; requirements: a file in `requirements`;
    takes_further_metrics: whether the program passes limited metrics and further objectives to the library, which must
    support them; native: the module in `programs/native` that is asked in the parameters themselves, if there is one;
    expresses_all: whether the library expresses conditions and constraints between parameters, and not only choices.
    """

    name: str
    venv: str
    program: tuple[str, ...]
    requirements: str
    takes_further_metrics: bool = False
    native: str | None = None
    expresses_all: bool = True

    @property
    def venv_folder(self) -> Path:
        """Return the folder of the virtual environment."""
        return ROOT / ".venvs" / self.venv

    @property
    def requirements_file(self) -> Path:
        """Return the file with the pinned versions."""
        return FOLDER / "requirements" / self.requirements

    def command(self, *, native: bool = False) -> list[str]:
        """Return the command that starts the peer; raise PeerIsNotInstalled if its virtual environment is missing."""
        python = self.venv_folder / "bin" / "python"
        if not python.exists():
            raise PeerIsNotInstalled(
                f"{self.name}: expected {python}, which is missing; `python -m benchmarks.peers.install {self.name}` "
                "makes it"
            )
        program, *arguments = ("answer.py", f"native.{self.native}") if native else self.program
        return [str(python), str(FOLDER / "programs" / program), *arguments]


def answered_by(
    name: str,
    venv: str,
    module: str,
    *,
    takes_further_metrics: bool = False,
    native: str | None = None,
    expresses_all: bool = True,
) -> Peer:
    """Describe a peer whose module is loaded by the shared program `answer.py`."""
    program = ("answer.py", module)
    return Peer(name, venv, program, f"{venv}.txt", takes_further_metrics, native, expresses_all)


PEERS = {
    peer.name: peer
    for peer in (
        answered_by(
            "botorch",
            "botorch",
            "botorch_peer",
            takes_further_metrics=True,
            native="botorch_mixed",
            expresses_all=False,
        ),
        answered_by("ax", "ax", "ax_peer", takes_further_metrics=True, native="ax_space"),
        answered_by("optuna-gp", "optuna", "optuna_gp_peer", takes_further_metrics=True, native="optuna_gp"),
        answered_by("optuna-tpe", "optuna", "optuna_tpe_peer", takes_further_metrics=True, native="optuna_tpe"),
        answered_by("hebo", "hebo", "hebo_peer"),
        answered_by("smac", "smac", "smac_peer", native="smac_space"),
        answered_by("botorch-rust", "botorch-rust", "botorch_rust_peer"),
    )
}
# These keep results; they are not asked for points.
STORES = {
    "delta": Peer("delta", "delta", ("delta_peer.py",), "delta.txt"),
    "optuna-journal": Peer("optuna-journal", "optuna", ("optuna_journal_peer.py",), "optuna.txt"),
}
# These keep a live study: in one its trials report and may be pruned, in the other they have limits.
STUDIES = {
    "optuna-pruning": Peer("optuna-pruning", "optuna", ("optuna_pruning.py",), "optuna.txt"),
    "optuna-limits": Peer("optuna-limits", "optuna", ("optuna_limits.py",), "optuna.txt"),
}
# This one evaluates functions.
FUNCTIONS = {"coco": Peer("coco", "coco", ("coco_functions.py",), "coco.txt")}
