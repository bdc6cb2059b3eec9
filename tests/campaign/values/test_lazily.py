"""Tables of contents whose names are imported on first use."""

import ast
import importlib
import types
from pathlib import Path

import pytest

import overnight
import overnight.campaign as campaign_package
import overnight.evaluators as evaluators_package


@pytest.mark.parametrize("package", [overnight, campaign_package, evaluators_package])
def test_every_public_name_is_found_in_its_package_where_type_checkers_find_it(package: types.ModuleType):
    tree = ast.parse(Path(package.__file__ or "").read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    home_of = {alias.name: node.module or "" for node in imports for alias in node.names}
    assert set(package.__all__) == set(home_of)
    assert set(package.__all__) <= set(dir(package))
    for name, home in home_of.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(ImportError):
        exec(f"from {package.__name__} import Nonsense")
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = package.Nonsense
