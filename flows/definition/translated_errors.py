"""Translate validation errors into the words of the user's file: path, expected, found."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, Tag, ValidationError

from overnight.campaign.problems import (
    Contradictory,
    Problem,
    Where,
    did_you_mean,
    misspelling_of,
    shown,
    unknown_key,
    unlisted_key,
)

_NUMBER = "a number"
_WHOLE = "a whole number"
_TRUTH = "true or false"
_MAPPING = "a mapping"
_LIST = "a list"
_DURATION = "a duration such as 90s, 15m, 2h30m or 1d"

_EXPECTED = {
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "dict_type": _MAPPING,
    "finite_number": "a finite number",
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "a whole number of ordinary size",
    "int_type": _WHOLE,
    "invalid_key": "text as a key",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "list_type": _LIST,
    "literal_error": "{expected}",
    "mapping_type": _MAPPING,
    "missing": "a value",
    "model_attributes_type": _MAPPING,
    "model_type": _MAPPING,
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "text that is not empty",
    "string_type": "text",
    "time_delta_parsing": _DURATION,
    "time_delta_type": _DURATION,
    "too_long": "at most {items}",
    "too_short": "at least {items}",
    "tuple_type": _LIST,
}

# Patterns in plain words, by the path that they apply to.
_PATTERNS: dict[Where, str] = {
    ("name",): "at most 100 of a-z, A-Z, 0-9, `.`, `_` and `-`, beginning with a letter or a digit",
    ("receipts",): "the path of a file, without `:`",
    ("run_on", "pool"): "the name of a work pool, without `/`, `%`, `&`, `<` and `>`",
    ("run_on", "dask"): "`tcp://HOST:PORT` of a Dask scheduler",
    ("evaluator", "function"): "`package.module:function`",
    ("proposer", "implementation"): "`package.module:Class`",
}

# Kinds that are written under another key, and refused under this one.
_ELSEWHERE = {("parameters", "fidelity")}


@dataclass(frozen=True)
class _Place:
    """The place of a pydantic error: `outer` is the type around the last key, `here` the type of its value."""

    where: Where
    outer: Any
    here: Any


def translate(error: ValidationError, model: type[BaseModel], inlined: str) -> list[Problem]:
    """Return the problems that pydantic found in data for the model, each place once.

    `inlined` is the field of the model whose keys are at the top level of the user's file.
    """
    found: dict[Where, list[tuple[str, str | None]]] = {}
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and len(details["input"]) >= details.get("ctx", {})["min_length"]:
            continue  # pydantic leaves invalid items out of its count
        for where, expected, got in _findings(details, model, inlined):
            found.setdefault(where, []).append((expected, got))
    return [Problem(where, text) for where, findings in found.items() for text in _texts(findings)]


def _texts(findings: list[tuple[str, str | None]]) -> list[str]:
    whole = [expected for expected, got in findings if got is None]
    by_value: dict[str, list[str]] = {}
    for expected, got in findings:
        if got is not None:
            by_value.setdefault(got, []).append(expected)
    alternatives = [f"expected {' or '.join(dict.fromkeys(them))}, got {got}" for got, them in by_value.items()]
    return [*whole, *alternatives]


def _findings(details: Any, model: type[BaseModel], inlined: str) -> list[tuple[Where, str, str | None]]:
    """Return (where, expected, found) for each problem; found is None if the text already names it."""
    place = _locate(model, details["loc"])
    where = place.where[1:] if place.where[:1] == (inlined,) else place.where
    error = details.get("ctx", {}).get("error")
    if isinstance(error, Contradictory):
        return [((*where, *problem.where), problem.text, None) for problem in error.problems]
    return [_finding(details, place, where, model, inlined)]


def _finding(
    details: Any, place: _Place, where: Where, model: type[BaseModel], inlined: str
) -> tuple[Where, str, str | None]:
    kind, context, found = details["type"], details.get("ctx", {}), details["input"]
    if kind == "value_error":
        return _from_validator(where, str(context["error"]), found)
    if kind == "string_pattern_mismatch" and where in _PATTERNS:
        return where, _PATTERNS[where], shown(found)
    if kind == "extra_forbidden":
        return where, _unknown(str(where[-1]), place.outer, model, inlined), None
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = context["discriminator"].strip("'")
        got = found.get(key) if isinstance(found, Mapping) else None
        names = found if isinstance(found, Mapping) and got is None else ()
        if (misspelt := misspelling_of(key, names)) is not None:
            return (*where, misspelt), unknown_key(misspelt, [key]), None
        kinds = [kind for kind in _kinds_of_union(place.here) if (*where[:1], kind) not in _ELSEWHERE]
        return (*where, key), f"one of {', '.join(kinds)}", shown(got)
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**context, items=_items(context))
        return where, expected, "nothing" if kind == "missing" else shown(found)
    return where, details["msg"].removeprefix("Input should be "), shown(found)


def _items(context: Mapping[str, Any]) -> str:
    count = context.get("min_length", context.get("max_length"))
    return "1 item" if count == 1 else f"{count} items"


def _from_validator(where: Where, message: str, found: Any) -> tuple[Where, str, str | None]:
    """Return the finding of a validator; its message names the expectation, unless a library raised the error."""
    if message.startswith("expected "):
        return where, message, None
    return where, f"a valid value ({message})", shown(found)


def _locate(annotation: Any, loc: Where) -> _Place:
    """Follow a pydantic location through the types; drop the elements that pydantic adds for unions and keys."""
    where: list[str | int] = []
    outer, here = None, _bare(annotation)
    for position, element in enumerate(loc):
        if element == "[key]" and position == len(loc) - 1:
            break
        written, inner = _inside(here, element)
        if written:
            where.append(element)
        outer, here = here, _bare(inner)
    return _Place(tuple(where), outer, here)


def _inside(outer: Any, element: str | int) -> tuple[bool, Any]:
    """Return whether the user wrote this element of a location, and the type that it leads to."""
    if _is_model(outer):
        field = outer.model_fields.get(element)
        return True, field.annotation if field is not None else None
    arguments = get_args(outer)
    if get_origin(outer) in (Union, UnionType):
        return False, next((member for member in arguments if element in _kinds(member)), None)
    if get_origin(outer) is dict:
        return True, arguments[1]
    return True, arguments[0] if arguments else None


def _bare(annotation: Any) -> Any:
    """Return the type without its annotations, its None and its root model."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _bare(annotation.model_fields["root"].annotation)
    if get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation):
        return _bare(Union[tuple(t for t in get_args(annotation) if t is not NoneType)])  # noqa: UP007
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _kinds(member: Any) -> tuple[str, ...]:
    """Return the names that select a member of a union: its tag, its `kind`, or the `rule` of a stopping rule."""
    if get_origin(member) is Annotated:
        tags = tuple(part.tag for part in get_args(member)[1:] if isinstance(part, Tag))
        return tags or _kinds(get_args(member)[0])
    fields = member.model_fields if _is_model(member) else {}
    return next((get_args(fields[key].annotation) for key in ("kind", "rule") if key in fields), ())


def _kinds_of_union(union: Any) -> list[str]:
    return [kind for member in get_args(union) or (union,) for kind in _kinds(member)]


def _unknown(key: str, outer: Any, model: type[BaseModel], inlined: str) -> str:
    """Return the message about an unknown key; the many keys of the top level are listed below all problems."""
    if outer not in (model, model.model_fields[inlined].annotation):
        return unknown_key(key, _keys(outer) if _is_model(outer) else ())
    return unlisted_key(key) + did_you_mean(key, keys_of_file(model, inlined))


def keys_of_file(model: type[BaseModel], inlined: str) -> list[str]:
    """Return the keys at the top level of the user's file."""
    part: Any = model.model_fields[inlined].annotation
    return [*_keys(part), *(key for key in _keys(model) if key != inlined)]


def _keys(model: type[BaseModel]) -> list[str]:
    """Return the keys that the user may write in the mapping of a model."""
    return [field.alias or name for name, field in model.model_fields.items()]
