"""The source files of an evaluator, found without running any of them."""

import ast
import gc
import sys
from pathlib import Path

import pytest

from overnight.evaluators import CommandEvaluator, PythonEvaluator, SimulatedEvaluator
from overnight.evaluators.sources import SourceFiles

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


def test_files_are_read_though_something_else_in_the_process_parses_python_at_the_same_time(tmp_path: Path):
    write(tmp_path, objective_dot_py="x = [1, (2, 3)]\n" * 2000 + "import model\n", model_dot_py="")

    def parse_meanwhile(phase: str, info: dict[str, int]) -> None:
        ast.parse("y = 1")

    thresholds = gc.get_threshold()
    gc.callbacks.append(parse_meanwhile)
    gc.set_threshold(10)
    try:
        assert names_of(PythonEvaluator(function="objective:f", folder=tmp_path)) == {"objective.py", "model.py"}
    finally:
        gc.callbacks.remove(parse_meanwhile)
        gc.set_threshold(*thresholds)


def test_imports_are_found_wherever_in_a_file_they_stand(tmp_path: Path):
    constants = "".join(f"a{i} = {i + 0.5}\n" for i in range(300))
    script = f"""{constants}
class Model:
    def fit(self):
        try:
            from deep.layers import Layer
        except ImportError:
            import deep.other as other
if __debug__ and True:
    import last
"""
    names = ("deep__layers_dot_py", "deep__other_dot_py", "last_dot_py", "unrelated_dot_py")
    write(tmp_path, objective_dot_py=script, **dict.fromkeys(names, ""))
    found = names_of(PythonEvaluator(function="objective:f", folder=tmp_path))
    assert found == {"objective.py", "deep/layers.py", "deep/other.py", "last.py"}
