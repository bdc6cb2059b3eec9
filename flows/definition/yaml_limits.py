"""Limit the size of a YAML file with its aliases expanded, without expanding them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MOST_VALUES = 200_000
_DEEPEST = 64
_MOST_DIGITS = 300
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
TOO_DEEP = f"expected lists and mappings nested at most {_DEEPEST} deep, got deeper ones; nest them less"


@dataclass(frozen=True)
class Excess:
    """An exceeded limit, in words, and the node at which it is exceeded."""

    node: Node
    text: str


@dataclass
class _Measure:
    values: int = 1
    depth: int = 1


def first_excess(root: Node) -> Excess | None:
    """Return the first excess over the limits, or an alias of a part that contains it; None for an ordinary file.

    Each node is measured once, however many aliases lead to it, and without recursion.
    """
    measured: dict[int, _Measure] = {}
    under_way: set[int] = set()
    todo: list[tuple[Node, bool]] = [(root, False)]
    while todo:
        node, known = todo.pop()
        if known:
            under_way.discard(id(node))
            measured[id(node)] = measure = _measure(node, measured)
            if (excess := _excess(node, measure)) is not None:
                return excess
        elif id(node) in under_way:
            return Excess(node, "expected an alias of another part, got one of a part that contains it")
        elif id(node) not in measured:
            under_way.add(id(node))
            todo.append((node, True))
            todo += [(child, False) for child in _children(node) if id(child) not in measured]
    return None


def _excess(node: Node, measure: _Measure) -> Excess | None:
    if isinstance(node, ScalarNode):
        return _excess_of_scalar(node)
    if (tag := _foreign_tag(node)) is not None:
        return Excess(node, f"expected plain lists and mappings, got one with the tag `{tag}`; leave the tag out")
    if measure.depth > _DEEPEST:
        return Excess(node, TOO_DEEP)
    if measure.values > MOST_VALUES:
        found = f"got {measure.values:,} once every alias (`*name`) is expanded"
        what_to_do = "write the values out, with fewer aliases or none"
        return Excess(node, f"expected at most {MOST_VALUES:,} values, {found}; {what_to_do}")
    return None


def _excess_of_scalar(node: ScalarNode) -> Excess | None:
    if (tag := _foreign_tag(node)) is not None:
        return Excess(node, f"expected text or a number, got a value with the tag `{tag}`; leave the tag out")
    if _LONE_SURROGATE.search(node.value):
        return Excess(node, "expected text, got half of a character (a surrogate, `\\ud800` to `\\udfff`)")
    if node.tag.endswith(":int") and len(node.value) > _MOST_DIGITS:
        return Excess(node, f"expected a number of at most {_MOST_DIGITS} digits, got one of {len(node.value)}")
    if node.tag.endswith(":timestamp"):
        try:
            SafeConstructor(loader=YAML(typ="safe", pure=True)).construct_object(node)
        except ValueError as error:
            return Excess(node, f"expected a date that exists, or text in quotes, got {node.value} ({error})")
    return None


def _foreign_tag(node: Node) -> str | None:
    """Return the tag, as written in YAML, of a type that no campaign uses: bytes, sets, and ordered pairs."""
    name = str(node.tag).rpartition(":")[2]
    return f"!!{name}" if name in ("binary", "set", "omap", "pairs") else None


def _measure(node: Node, measured: dict[int, _Measure]) -> _Measure:
    whole = _Measure()
    for child in _children(node):
        part = measured[id(child)]
        whole.values += part.values
        whole.depth = max(whole.depth, part.depth + 1)
    return whole


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value
