"""The surrogates that a campaign's file may ask for under `proposer.surrogate:`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.bo_core.settings.user_code import CodeName, UserCode


class ExactSurrogate(BaseModel):
    """The built-in exact Gaussian process, whose fit, draws and gradients are written out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exact"] = "exact"


class GpytorchSurrogate(BaseModel):
    """A gpytorch model of the campaign's own: the function `model` returns it for features X [n, d] and outcomes y [n].

    It is called for every fit, with `noise` [n] as well if it has such a parameter: the variances that evaluations
    reported, or None if one did not. Outcomes are standardised and to be maximised. An `ExactGP` is fitted here, any
    other module comes fitted (docs/how-to/own-model.md). Its module is imported from `folder`, if it is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gpytorch"]
    model: CodeName
    folder: Path | None = None

    def in_folder(self, folder: Path) -> "GpytorchSurrogate":
        """Return it with its module looked for from this folder."""
        return self.model_copy(update={"folder": folder / (self.folder or ".")})

    @property
    def code(self) -> UserCode:
        """Return the function that the file names."""
        return UserCode("proposer.surrogate.model", self.model, self.folder, "function")


AnySurrogate = Annotated[ExactSurrogate | GpytorchSurrogate, Field(discriminator="kind")]
