"""The base of every kind of evaluator in a campaign file."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from overnight.evaluators.sources import SourceFiles


class EvaluatorKind(BaseModel):
    """A kind of evaluator, with the answers of one that starts no process and passes no variable on.

    A kind also has a literal `kind` and the rest of `Evaluator`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def patience(self) -> timedelta:
        """Return zero: an attempt begins at once."""
        return timedelta()

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the environment variables that the campaign file gives it, as `NAME` or `NAME=value`."""
        return ()

    def with_variables(self, variables: Iterable[str]) -> Self:
        """Return it with these variables as well, except those that it already has."""
        del variables
        return self

    def secrets(self) -> dict[str, str]:
        """Return nothing: no variable is passed on."""
        return {}

    def working_folder(self) -> Path:
        """Return the absolute path of the folder in which it runs."""
        return Path.cwd()

    def described(self) -> str:
        """Return in a few words what it evaluates, without its kind."""
        return ""

    def source_files(self, sources: SourceFiles) -> set[Path]:
        """Return the files that its results depend on, found without running any of them."""
        del sources
        return set()
