"""Which files an evaluator is made of, found without running any of them."""

import ast
import contextlib
import gc
import sys
import threading
import time
from pathlib import Path

import pytest

from evaluators import CommandEvaluator, PythonEvaluator, SimulatedEvaluator
from evaluators.sources import SourceFiles

RUNS_NOTHING = "raise SystemExit('this file is only to be read')\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_name(path.name.replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names_of(evaluator: object) -> set[str]:
    return set(SourceFiles(evaluator).hashes())


def test_a_functions_module_and_all_that_it_imports_from_the_folder_are_found_and_nothing_is_run(tmp_path: Path):
    write(
        tmp_path,
        objective_dot_py=f"import math, model\nfrom tools import shapes\n{RUNS_NOTHING}",
        model_dot_py="from deep.layers import Layer\nimport numpy\n",
        tools__shapes_dot_py="from . import colours\n",
        tools__colours_dot_py="",
        deep__layers_dot_py="from .. import nothing\nimport objective\n",
        unrelated_dot_py="",
    )
    (tmp_path / "tools" / "__init__.py").touch()
    found = names_of(PythonEvaluator(function="objective:f", folder=tmp_path))
    expected = {
        "objective.py",
        "model.py",
        "deep/layers.py",
        "tools/__init__.py",
        "tools/shapes.py",
        "tools/colours.py",
    }
    assert found == expected


def test_a_module_outside_of_the_folder_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, shared__measure_dot_py="import beside\n", shared__beside_dot_py="")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shared"))
    assert names_of(PythonEvaluator(function="measure:f", folder=tmp_path)) == {"shared/measure.py", "shared/beside.py"}
    assert names_of(PythonEvaluator(function="json:loads", folder=tmp_path)) == {"__init__.py"}


def test_a_commands_scripts_and_settings_are_found_and_not_its_data_or_the_systems_programs(tmp_path: Path):
    write(tmp_path, train_dot_py="import model\n", model_dot_py="", settings_dot_yaml="a: 1", data_dot_csv="1", log="")
    words = ("python3", "train.py", "--settings=settings.yaml", "data.csv", "--log", "log", "missing.py")
    assert names_of(CommandEvaluator(command=words, folder=tmp_path)) == {"train.py", "model.py", "settings.yaml"}
    write(tmp_path, run="#!/bin/sh\n", package__main_dot_py="")
    (tmp_path / "run").chmod(0o755)
    assert names_of(CommandEvaluator(command=("./run", "1"), folder=tmp_path)) == {"run"}
    module = CommandEvaluator(command=(sys.executable, "-m", "package.main"), folder=tmp_path)
    assert "package/main.py" in names_of(module)


def test_a_change_in_any_of_them_changes_its_hash_and_touching_it_does_not(tmp_path: Path):
    write(tmp_path, objective_dot_py="import model\n", model_dot_py="a = 1\n")
    files = SourceFiles(PythonEvaluator(function="objective:f", folder=tmp_path))
    before = files.hashes()
    (tmp_path / "objective.py").touch()
    assert files.hashes() == before
    write(tmp_path, model_dot_py="a = 22\n")
    after = files.hashes()
    assert after["objective.py"] == before["objective.py"]
    assert after["model.py"] != before["model.py"]
    # As another process would find it.
    assert SourceFiles(PythonEvaluator(function="objective:f", folder=tmp_path)).hashes() == after


@pytest.mark.parametrize("text", ["def broken(:\n", "\0", "import\n", "from .......... import far\n"])
def test_a_file_that_is_no_python_has_a_hash_all_the_same(tmp_path: Path, text: str):
    write(tmp_path, objective_dot_py=text)
    assert names_of(PythonEvaluator(function="objective:f", folder=tmp_path)) == {"objective.py"}


def test_an_evaluator_without_files_has_none(tmp_path: Path):
    assert names_of(SimulatedEvaluator(function="branin")) == set()
    assert names_of(PythonEvaluator(function="not_there:f", folder=tmp_path)) == set()


def test_imports_are_found_wherever_they_stand_in_a_file(tmp_path: Path):
    write(
        tmp_path,
        objective_dot_py="from __future__ import annotations\nclass C:\n    def f(self):\n        import inner\n"
        "    g = lambda: [__import__('x') for _ in ()]\ntry:\n    from far.away import thing as other\n"
        "except ImportError:\n    from far import *\ntext = '\\d' if 1 is 2 else ''\n",
        inner_dot_py="x = " + " + ".join(f"{i}.5 * y" for i in range(400)) + "\nimport last\n",
        far__away_dot_py="",
        last_dot_py="",
    )
    (tmp_path / "far" / "__init__.py").touch()
    found = names_of(PythonEvaluator(function="objective:f", folder=tmp_path))
    assert found == {"objective.py", "inner.py", "far/__init__.py", "far/away.py", "last.py"}


def test_files_are_read_well_while_other_threads_make_syntax_trees(tmp_path: Path):
    write(tmp_path, objective_dot_py="import model\n" + "a = [{'x': (1, [b])}]\n" * 300, model_dot_py="")
    over = threading.Event()

    def make_syntax_trees() -> None:
        while not over.is_set():
            with contextlib.suppress(SystemError):
                ast.parse("a = [1, (2, 3)]")

    def let_others_go_on(phase: str, info: object) -> None:
        time.sleep(0)

    usual = gc.get_threshold()
    thread = threading.Thread(target=make_syntax_trees)
    thread.start()
    # What a finalizer does now and then, often: it lets other threads go on in the middle of anything.
    gc.callbacks.append(let_others_go_on)
    gc.set_threshold(100)
    try:
        found = [names_of(PythonEvaluator(function="objective:f", folder=tmp_path)) for _ in range(3)]
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(let_others_go_on)
        over.set()
        thread.join()
    assert found == [{"objective.py", "model.py"}] * 3
