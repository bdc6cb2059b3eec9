"""Construct models from values that other models have checked already."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)
_set: Callable[[object, str, object], None] = object.__setattr__


def unchecked(model: Callable[P, M], *left_out: str) -> Callable[P, M]:
    """Return a constructor that checks and copies nothing; a history is folded in two thirds of the time with it.

    Each call must give all fields in their order, except for those in `left_out`, which get their defaults. The models
    share one set of given fields, which pydantic copies before it changes it.
    """
    assert isinstance(model, type)
    fields = model.model_fields
    given = fields.keys() - {*left_out}
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in left_out}
    order = dict.fromkeys(fields)

    def construct(*_: P.args, **values: P.kwargs) -> M:
        made: Any = object.__new__(model)
        _set(made, "__dict__", order | defaults | values if left_out else values)
        _set(made, "__pydantic_fields_set__", given)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made

    return construct
