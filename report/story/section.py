"""The base of the sections of a story."""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A frozen part of a story that JSON can hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


# JSON has no infinity and no NaN.
Known = Annotated[float | None, BeforeValidator(_finite)]
