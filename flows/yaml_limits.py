"""How much a YAML file may say once its aliases are followed, measured without following them."""

from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

MOST_VALUES = 200_000
_DEEPEST = 64
TOO_DEEP = (
    f"expected lists and mappings within each other at most {_DEEPEST} deep, got deeper ones; write them less nested"
)


@dataclass(frozen=True)
class Excess:
    """What is too much, and the node at which it becomes so."""

    node: Node
    text: str


@dataclass
class _Measure:
    values: int = 1
    depth: int = 1


def what_is_too_much(root: Node) -> Excess | None:
    """Return what goes beyond the limits or stands for itself without end; None for an ordinary file.

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
            return Excess(node, "expected an alias of something else, got one of the part that it stands in")
        elif id(node) not in measured:
            under_way.add(id(node))
            todo.append((node, True))
            todo += [(child, False) for child in _children(node) if id(child) not in measured]
    return None


def _excess(node: Node, measure: _Measure) -> Excess | None:
    if measure.depth > _DEEPEST:
        return Excess(node, TOO_DEEP)
    if measure.values > MOST_VALUES:
        found = f"got {measure.values:,} once every alias (`*name`) is followed"
        what_to_do = "write out what is meant, with fewer aliases or none"
        return Excess(node, f"expected at most {MOST_VALUES:,} values, {found}; {what_to_do}")
    return None


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
