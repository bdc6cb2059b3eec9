"""Modules named in strings obey the same layers as imports, and every folder stays small."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = ("bo_core", "campaign", "evaluators", "flows", "report", "storage")
# Not counting `__init__.py`.
MOST_MODULES = 15
# Functions that import a module by its name without this prefix.
PREFIXES = {"heavy": "overnight.flows.commands."}


def sources() -> Iterator[tuple[str, Path]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(["overnight", *parts]).removesuffix(".__init__"), path


MODULES = dict(sources())


def named_by_strings(tree: ast.AST) -> Iterator[str]:
    """Yield our modules that are named in strings, whichever function receives the string."""
    for node in ast.walk(tree):
        prefix = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            prefix, node = PREFIXES.get(node.func.id, ""), node.args[0]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = (prefix + node.value).partition(":")[0]
            if name in MODULES:
                yield name


def layers() -> Iterator[tuple[str, list[set[str]]]]:
    """Yield each contract's layers from top to bottom, with full module names."""
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            for container in contract.get("containers", [""]):
                prefix = f"{container}." if container else ""
                yield (
                    contract["name"],
                    [{prefix + part.strip() for part in row.split("|")} for row in contract["layers"]],
                )


def position(module: str, rows: list[set[str]]) -> tuple[int, str] | None:
    return next(
        ((i, name) for i, row in enumerate(rows) for name in row if f"{module}.".startswith(f"{name}.")),
        None,
    )


def breaks(importer: str, imported: str) -> Iterator[str]:
    for name, rows in layers():
        above, below = position(importer, rows), position(imported, rows)
        if above is not None and below is not None and above[1] != below[1] and above[0] >= below[0]:
            yield f"{name}: {importer} names {imported}"


def test_a_string_that_names_a_module_obeys_the_layers():
    found = {
        (module, name) for module, path in MODULES.items() for name in named_by_strings(ast.parse(path.read_text()))
    }
    # Subcommands, the engine and the report's page are imported by name, so this set cannot be small.
    assert len(found) >= 20
    assert [broken for importer, imported in found for broken in breaks(importer, imported)] == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("overnight.flows.report_file", "overnight.flows.commands.read.report"),
        ("overnight.flows.session.lease", "overnight.flows.controller.loop"),
        ("overnight.bo_core.propose", "overnight.storage.sql"),
    ],
)
def test_a_string_that_names_a_module_of_a_higher_layer_is_noticed(importer: str, imported: str):
    assert list(breaks(importer, imported))


def test_entry_points_name_modules_that_are_there():
    for target in PROJECT["project"]["scripts"].values():
        module, _, name = target.partition(":")
        assert f"def {name}(" in MODULES[module].read_text()


def test_no_folder_holds_more_modules_than_a_reader_keeps_apart():
    sizes: dict[Path, int] = {}
    for path in MODULES.values():
        if path.name != "__init__.py":
            sizes[path.parent] = sizes.get(path.parent, 0) + 1
    assert {str(folder.relative_to(ROOT)): n for folder, n in sizes.items() if n > MOST_MODULES} == {}


def test_every_folder_says_what_it_is_for():
    for folder in {path.parent for path in MODULES.values()}:
        text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
        assert len(text.split()) >= 5, folder


def test_each_folder_of_the_repository_is_linked_into_the_package():
    links = {path.name: path.resolve() for path in (ROOT / "overnight").iterdir() if path.is_symlink()}
    assert links == {folder: ROOT / folder for folder in FOLDERS}
    # Pyright does not follow the links, so each must be named; folders named without them would be checked twice.
    assert {f"overnight/{folder}" for folder in FOLDERS} <= set(PROJECT["tool"]["pyright"]["include"])
