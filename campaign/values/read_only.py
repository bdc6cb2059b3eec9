"""Read-only dicts and lists for models that leave the package, and fields that return copies."""

import copy
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator

T = TypeVar("T")


def _refuse(self: object, *arguments: object, **named: object) -> NoReturn:
    raise TypeError(
        "this belongs to the campaign's record and cannot be changed; take a copy of your own with `copy.deepcopy(…)`"
    )


class ReadOnlyDict(dict[Any, Any]):
    """A dict that cannot be changed but is otherwise an ordinary one; its copies are plain dicts."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def copy(self) -> dict[Any, Any]:
        """Return a plain dict."""
        return {**self}

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyDict, ({**self},)


class ReadOnlyList(list[Any]):
    """A list that cannot be changed but is otherwise an ordinary one; its copies are plain lists."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def copy(self) -> list[Any]:
        """Return a plain list."""
        return [*self]

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyList, ([*self],)


def read_only(value: Any) -> Any:
    """Return the value with every dict and list in it, at any depth, replaced by a copy that cannot be changed."""
    if isinstance(value, dict):
        return ReadOnlyDict({key: read_only(item) for key, item in value.items()})
    if isinstance(value, list):
        return ReadOnlyList(read_only(item) for item in value)
    return tuple(read_only(item) for item in value) if type(value) is tuple else value


ReadOnly = Annotated[T, AfterValidator(read_only)]


class GivenAsCopy:
    """A field that returns a plain copy on each access, because user code modifies points: `point.pop("x")`.

    Put it into a base class of the model under the field's name; in the model's own class it would become a default.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: type | None = None) -> dict[Any, Any]:
        if model is None:
            raise AttributeError(self._name)
        return {**model.__dict__[self._name]}

    def __set__(self, model: Any, value: object) -> None:
        _refuse(model)


class GivesItsPoint:
    """The base of a model whose field `point` is returned as a copy."""

    point = GivenAsCopy()
