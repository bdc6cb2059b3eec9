"""A YAML file as plain data, with the line number of each part."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.problems import Problem, Where, one_line
from overnight.flows.definition.yaml_limits import TOO_DEEP, first_excess

# A few thousand points in `start_with` need a tenth of this.
_MOST_BYTES = 2 << 20
_TEXT = "tag:yaml.org,2002:str"
_READ_AS_OTHERS = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null", "timestamp")}


@dataclass(frozen=True)
class YamlSource:
    """The content of a YAML file as plain data, and as nodes with their positions (`root`)."""

    path: Path
    data: Any
    root: Node

    def line(self, where: Where) -> int:
        """Return the line of this key or item, or of the part around it if the file leaves it out."""
        line, node = self.root.start_mark.line, self.root
        for element in where:
            marks = _entry(node, element)
            if marks is None:
                break
            start, node = marks
            line = start.start_mark.line
        return line + 1

    def repeated_keys(self) -> list[Problem]:
        """Return a problem for each key that one mapping holds more than once."""
        problems: list[Problem] = []
        seen: set[int] = set()
        todo: list[tuple[Where, Node]] = [((), self.root)]
        while todo:
            where, node = todo.pop()
            if id(node) not in seen:
                seen.add(id(node))
                problems += _repeated_in(node, where)
                todo += [((*where, key), child) for key, _, child in _entries(node)]
        return problems


def read_yaml(path: Path) -> YamlSource:
    """Read the file as YAML 1.2, in which `off` is text and `1e-5` a number; a key is the text that is written.

    Raises InvalidDefinition with the reason if the file does not exist or is not YAML.
    """
    return yaml_source(_read_text(path), path)


def yaml_source(text: str, path: Path) -> YamlSource:
    """Return the content of a text as `read_yaml` does; `path` names the text in errors."""
    try:
        root = _composed(text)
        # Checked before any alias is expanded: a few lines can expand to billions of values.
        if root is not None and (excess := first_excess(root)) is not None:
            raise InvalidDefinition([one_line(f"{path}:{excess.node.start_mark.line + 1}: {excess.text}")])
        loader = YAML(typ="safe", pure=True)
        loader.allow_duplicate_keys = True  # `repeated_keys` reports them together with all other problems
        # Of a tree of its own, in which it puts the keys that `<<` merges.
        data = None if root is None else loader.constructor.construct_document(_composed(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        found = ", ".join(part for part in (error.context, error.problem) if part)
        raise InvalidDefinition([one_line(f"{path}{line}: expected valid YAML, got an error: {found}")]) from error
    except RecursionError:
        raise InvalidDefinition([one_line(f"{path}: {TOO_DEEP}")]) from None
    except (YAMLError, ValueError, TypeError, AttributeError, LookupError) as error:
        raise InvalidDefinition([one_line(f"{path}: expected valid YAML, got an error: {error}")]) from error
    if root is None:
        raise InvalidDefinition([f"{path}: expected a campaign, got an empty file; `overnight init` writes an example"])
    return YamlSource(path=path, data=data, root=root)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) <= _MOST_BYTES:
            return data.decode("utf-8-sig")
        found = f"more than {_MOST_BYTES >> 20} MiB; name the campaign's YAML file, or write less into it"
    except FileNotFoundError:
        found = "no such file; `overnight init` writes an example"
    except IsADirectoryError:
        found = "a folder; name the file in it"
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 text ({error.reason} at byte {error.start})"
    except OSError as error:
        found = f"a file that cannot be read ({error.strerror})"
    except ValueError as error:
        found = f"an impossible name ({error})"
    raise InvalidDefinition([one_line(f"{path}: expected a campaign file, got {found}")])


def _composed(text: str) -> Node | None:
    """Return the tree of the text, in which keys such as `1` and `true` are text as well; None if it is empty."""
    root: Node | None = YAML(typ="safe", pure=True).compose(text)
    seen: set[int] = set()
    todo = [] if root is None else [root]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, MappingNode):
                node.value = [(_as_written(key), value) for key, value in node.value]
            todo += [child for _, _, child in _entries(node)]
    return root


def _as_written(key: Node) -> Node:
    if not isinstance(key, ScalarNode) or key.tag not in _READ_AS_OTHERS:
        return key
    return ScalarNode(_TEXT, key.value, start_mark=key.start_mark, end_mark=key.end_mark)


def _entries(node: Node) -> list[tuple[str | int, Node, Node]]:
    """Return (key or position, the node that marks its line, the node of its value) for a mapping or a list."""
    if isinstance(node, MappingNode):
        return [(str(key.value), key, value) for key, value in node.value]
    if isinstance(node, SequenceNode):
        return [(position, item, item) for position, item in enumerate(node.value)]
    return []


def _entry(node: Node, element: str | int) -> tuple[Node, Node] | None:
    for key, mark, value in _entries(node):
        if str(key) == str(element):
            return mark, value
    return None


def _repeated_in(node: Node, where: Where) -> list[Problem]:
    if not isinstance(node, MappingNode):
        return []
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for key, mark, _ in _entries(node):
        lines[mark.tag, str(key)].append(mark.start_mark.line + 1)
    return [
        Problem((*where, key), f"expected this key once, got it on lines {' and '.join(map(str, numbers))}")
        for (_, key), numbers in lines.items()
        if len(numbers) > 1
    ]
