"""The mark of fields that may change without making it another campaign."""

from enum import Enum

from pydantic import BaseModel


class MayBeRevised(Enum):
    """Metadata of a field, as in `Annotated[int, MayBeRevised.FREELY]`; a field without a mark can never change.

    A field marked `FREELY` may have another value in the file of the next run. A field marked `ON_REQUEST` changes only
    through a person's `overnight revise`, which can change both kinds.
    """

    FREELY = "freely"
    ON_REQUEST = "on request"


def revisable(model: type[BaseModel], mark: MayBeRevised) -> tuple[str, ...]:
    """Return the fields of a model that have this mark, in their order."""
    return tuple(name for name, field in model.model_fields.items() if mark in field.metadata)
