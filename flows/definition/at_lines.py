"""Add the file and the line to problems that are found after a campaign's file was read, as reading it does."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.problems import Where, one_line
from overnight.flows.definition.yaml_source import YamlSource, read_yaml

# Such as "`evaluator.function`: expected …" and "work: expected …".
_PATH = re.compile(r"(`?)([A-Za-z_]\w*(?:\.\w+)*)\1: ")


@contextmanager
def at_lines_of(source: Any) -> Iterator[None]:
    """Add the file and the line to each problem raised inside that names a key of the file at this path.

    Nothing is added for a source that is not a path.
    """
    try:
        yield
    except InvalidDefinition as refused:
        if not isinstance(source, str | Path):
            raise
        read = _read_again(Path(source))
        raise InvalidDefinition([_located(read, problem) for problem in refused.problems], refused.hint) from None


def _read_again(path: Path) -> YamlSource | None:
    """Return the content of the file; None if it has become unreadable since it was read."""
    try:
        return read_yaml(path)
    except InvalidDefinition:
        return None


def _located(source: YamlSource | None, problem: str) -> str:
    named = _PATH.match(problem)
    if source is None or named is None or not isinstance(source.data, Mapping):
        return problem
    where: Where = tuple(named[2].split("."))
    if where[0] not in source.data:
        return problem
    # A short form, such as `evaluator: objective:evaluate`, has no keys of its own.
    where = where if isinstance(source.data[where[0]], Mapping) else where[:1]
    return f"{one_line(str(source.path))}:{source.line(where)}: {'.'.join(where)}: {problem[named.end() :]}"
