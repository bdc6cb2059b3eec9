"""Read-only dicts and lists for models that leave the package, and fields that return copies."""

import copy
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

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


_UNCHANGEABLE = (str, int, float, bool, type(None), ...)


class _MadeReadOnly:
    """The annotation of a field whose dicts and lists become read-only."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        flat = get_origin(source) is dict and all(map(_is_unchangeable, get_args(source)))
        # The class itself is called much faster than a function; histories have several dicts in each trial.
        return no_info_after_validator_function(ReadOnlyDict if flat else read_only, handler(source))


def _is_unchangeable(kind: Any) -> bool:
    """Return whether no value of this type is or holds a dict or a list, models aside; False if that is not known."""
    match get_origin(kind):
        case None:
            return kind in _UNCHANGEABLE or (isinstance(kind, type) and issubclass(kind, BaseModel))
        case origin if origin is Literal:
            return True
        case origin if origin is Annotated:
            return _is_unchangeable(get_args(kind)[0])
        case origin if origin in (tuple, Union, UnionType):
            return all(map(_is_unchangeable, get_args(kind)))
    return False


ReadOnly = Annotated[T, _MadeReadOnly()]


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


def recorded_point(model: GivesItsPoint) -> ReadOnlyDict:
    """Return the read-only point itself, to share it with another model."""
    return vars(model)["point"]
