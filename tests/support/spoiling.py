"""Change every dict and list that can be reached from an object, as user code may do with its arguments."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel


def spoil(*given: Any) -> int:
    """Change every dict and list that can be reached from these, as far as they allow it; return their number."""
    count, known, todo = 0, {}, [*given]
    while todo:
        value = todo.pop()
        if id(value) in known:
            continue
        known[id(value)] = value
        # Collect the content first, since it is gone once its container is spoilt.
        todo += [*_inside(value)]
    for value in known.values():
        if isinstance(value, dict):
            count += 1
            _spoil_dict(value)
        elif isinstance(value, list):
            count += 1
            _spoil_list(value)
    return count


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, BaseModel):
        yield from (getattr(value, name) for name in type(value).model_fields)
        yield from (getattr(value, name) for name in _properties(type(value)))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, field.name) for field in fields(value))
        yield from (getattr(value, name) for name in _properties(type(value)))
    elif isinstance(value, Mapping):
        yield from value.values()
        yield from (getattr(value, name) for name in getattr(type(value), "__slots__", ()) if name != "_by_number")
    elif isinstance(value, list | tuple):
        yield from value


def _properties(kind: type) -> list[str]:
    of_pydantic = vars(BaseModel)
    return [name for name in dir(kind) if isinstance(getattr(kind, name, None), property) and name not in of_pydantic]


def _spoil_dict(value: dict[Any, Any]) -> None:
    for change in (
        lambda: value.update(x=1000.0, epochs=5),
        lambda: value.pop(next(iter(value))),
        lambda: value.__setitem__(next(iter(value)), "spoilt"),
        value.clear,
        lambda: value.setdefault("y", -1.0),
    ):
        with suppress(TypeError, StopIteration):
            change()


def _spoil_list(value: list[Any]) -> None:
    for change in (lambda: value.append("spoilt"), value.clear, lambda: value.__iadd__(["spoilt"])):
        with suppress(TypeError):
            change()
