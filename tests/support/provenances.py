"""Provenance with changed or missing values, which are named by their paths."""

from collections.abc import Mapping
from typing import Any

from overnight.campaign.history.provenance import Provenance


def altered(made: Provenance, changes: Mapping[str, Any] | None = None, without: tuple[str, ...] = ()) -> Provenance:
    """Return the provenance with other values at some paths, and without values at others."""
    fields = made.model_dump()
    for path, value in (changes or {}).items():
        part, name = _part(fields, path)
        part[name] = value
    for path in without:
        part, name = _part(fields, path)
        part.pop(name, None)
    return Provenance.model_validate(fields)


def value_at(made: Provenance, path: str) -> Any:
    """Return the recorded value at a path."""
    part, name = _part(made.model_dump(), path)
    return part[name]


def _part(fields: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *above, name = path.split(".")
    for each in above:
        fields = fields[each]
    return fields, name
