"""Dicts and lists that refuse changes; no model of a campaign holds any others."""

import copy
import json
import pickle
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel

import overnight.campaign
from overnight.campaign.history.provenance import MadeBy, Provenance
from overnight.campaign.values.read_only import ReadOnlyDict, ReadOnlyList, read_only

TREE = {"a": [1, {"b": [2, 3]}], "c": (4, [5]), "d": {}}


def models() -> Iterator[type[BaseModel]]:
    folder = Path(*overnight.campaign.__path__)
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder.parents[1]).with_suffix("").parts)
        found = vars(import_module(name.removesuffix(".__init__"))).values()
        yield from (each for each in found if isinstance(each, type) and issubclass(each, BaseModel))


def test_no_model_of_a_campaign_holds_a_dict_or_a_list_that_can_be_changed():
    live = [
        f"{model.__name__}.{name}"
        for model in {*models()}
        for name, field in model.model_fields.items()
        if model.model_config.get("frozen")
        and re.search(r"\b(dict|list|set)\[", repr(field.annotation))
        and "read_only" not in f"{field.annotation!r} {field.metadata!r}"
    ]
    assert len({*models()}) > 40
    assert live == []


def test_it_is_equal_to_what_it_was_made_of_and_reads_like_it():
    tree = read_only(TREE)
    assert tree == TREE
    assert json.loads(json.dumps(tree)) == json.loads(json.dumps(TREE))
    assert {**tree} == tree | {} == dict(tree) == pickle.loads(pickle.dumps(tree)) == TREE
    assert type(tree | {"e": 1}) is type({**tree}) is type(tree.copy()) is dict
    assert (type(tree["a"]), type(tree["a"][1]), type(tree["c"][1])) == (ReadOnlyList, ReadOnlyDict, ReadOnlyList)


def test_what_it_was_made_of_may_change():
    tree = copy.deepcopy(TREE)
    kept = read_only(tree)
    tree["a"][1]["b"].append("spoilt")
    tree.clear()
    assert kept == TREE


@pytest.mark.parametrize("name", ["clear", "pop", "popitem", "setdefault", "update", "__setitem__", "__ior__"])
def test_a_dict_refuses_every_change(name):
    tree = read_only(TREE)
    with pytest.raises(TypeError, match="take a copy of your own"):
        getattr(tree, name)("a", 1)
    assert tree == TREE


@pytest.mark.parametrize(
    "name", [name for name in dir(list) if name in {*dir(list)} - {*dir(tuple)} - {"copy", "__reversed__"}]
)
def test_a_list_refuses_every_change(name):
    kept = read_only([3, 1, 2])
    with pytest.raises(TypeError, match="take a copy of your own"):
        getattr(kept, name)(0, 1)
    assert kept == [3, 1, 2]


def test_copies_are_plain_and_may_be_changed():
    own = copy.deepcopy(read_only(TREE))
    own["a"][1]["b"].append(4)
    own["e"] = copy.copy(read_only([1]))
    own["e"].append(2)
    assert own == {"a": [1, {"b": [2, 3, 4]}], "c": (4, [5]), "d": {}, "e": [1, 2]}


def test_default_parts_of_a_record_cannot_be_changed_either() -> None:
    provenance = Provenance(made_by=MadeBy(seed=1))
    for recorded in (provenance.stack.libraries, provenance.models.metrics, provenance.models.opinions):
        with pytest.raises(TypeError, match="cannot be changed"):
            recorded.clear()
