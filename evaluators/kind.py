"""The base of every kind of evaluator in a campaign file."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from overnight.evaluators.ongoing.polling import Polling
from overnight.evaluators.sources import SourceFiles


class EvaluatorKind(BaseModel):
    """A kind of evaluator; the defaults are those of a kind that starts no process and passes on no variables.

    A subclass adds a literal `kind` and the other methods of `Evaluator`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def patience(self) -> timedelta:
        """Return zero: an attempt begins at once."""
        return timedelta()

    @property
    def at_server(self) -> bool:
        """Return whether a server runs the evaluations; they need no place to run here and no time in the window."""
        return False

    @property
    def leaves_output(self) -> bool:
        """Return whether an attempt leaves its output in its folder."""
        return False

    @property
    def polling(self) -> Polling | None:
        """Return how often evaluations are looked at that continue by themselves; None if none does."""
        return None

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the evaluator's environment variables in the campaign file, as `NAME` or `NAME=value`."""
        return ()

    def with_variables(self, variables: Iterable[str]) -> Self:
        """Return a copy that also has these variables, except those that the evaluator already has."""
        del variables
        return self

    def secrets(self) -> dict[str, str]:
        """Return nothing: no variables are passed on."""
        return {}

    def working_folder(self) -> Path:
        """Return the absolute path of the folder in which it runs."""
        return Path.cwd()

    def described(self) -> str:
        """Return a short description of the evaluator, without its kind."""
        return ""

    def source_files(self, sources: SourceFiles) -> set[Path]:
        """Return the files that its results depend on, found without running any of them."""
        del sources
        return set()
