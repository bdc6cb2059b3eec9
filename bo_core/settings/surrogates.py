"""The surrogates that a campaign file may name under `proposer.surrogate:`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.bo_core.settings.user_code import CodeName, UserCode


class ExactSurrogate(BaseModel):
    """The built-in exact Gaussian process, with a fit, draws and gradients of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exact"] = "exact"


class GpytorchSurrogate(BaseModel):
    """A gpytorch model of the campaign's own: the function `model` returns it for features X [n, d] and outcomes y [n].

    The function is called for every fit. If it has a parameter `noise`, it also receives the variances [n] that
    evaluations reported, or None if one did not report any. Outcomes are standardised and to be maximised. An `ExactGP`
    is fitted here; any other module must be returned fitted (docs/how-to/own-model.md). Its module is imported from
    `folder`, if it is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gpytorch"]
    model: CodeName
    folder: Path | None = None

    def in_folder(self, folder: Path) -> "GpytorchSurrogate":
        """Return a copy that looks for its module relative to this folder."""
        return self.model_copy(update={"folder": folder / (self.folder or ".")})

    @property
    def code(self) -> UserCode:
        """Return the function that the file names."""
        return UserCode("proposer.surrogate.model", self.model, self.folder, "function")


AnySurrogate = Annotated[ExactSurrogate | GpytorchSurrogate, Field(discriminator="kind")]
