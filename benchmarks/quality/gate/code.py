"""A fingerprint of the code that decides what a campaign does."""

import ast
import hashlib
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[3]
# The benchmark's own code is not among them: its cells were declared before any measurement and do not change.
_DECIDES = ("bo_core", "campaign", "flows/controller", "flows/proposing", "flows/rules")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def fingerprint() -> str:
    """Return a hash of the product's code without comments, layout and docstrings."""
    found = hashlib.sha256()
    for folder in _DECIDES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            found.update(f"{path.relative_to(_ROOT)} {meaning(path.read_text())}".encode())
    return found.hexdigest()[:16]


def meaning(source: str) -> str:
    """Return a module's syntax tree as text, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
