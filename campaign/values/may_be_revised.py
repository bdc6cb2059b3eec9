"""The mark of fields that may change without making another campaign."""

from enum import Enum

from pydantic import BaseModel


class MayBeRevised(Enum):
    """Metadata of a field, as in `Annotated[int, MayBeRevised.FREELY]`; a field without a mark stays as it was defined.

    `FREELY` allows a new run to bring another value. `ON_REQUEST` needs a person's `overnight revise`, which allows
    both.
    """

    FREELY = "freely"
    ON_REQUEST = "on request"


def revisable(model: type[BaseModel], mark: MayBeRevised) -> tuple[str, ...]:
    """Return the fields of a model that have this mark, in their order."""
    return tuple(name for name, field in model.model_fields.items() if mark in field.metadata)
