"""Every process that we start finds our packages and installed ones before the user's files of the same names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from overnight.flows.host.own_packages import own_module

ROOT = str(Path(__file__).parents[3])
NAMESAKES = ("campaign", "evaluators", "storage", "flows", "overnight", "types", "json", "select", "logging", "click")
# A module that imports our modules, the standard library's and a library's, and then prints the path of each.
PROBE = """
import overnight.campaign.space, overnight.flows.host.own_packages, click, json, logging, select, types
import mine
print(*(sys.modules[name].__file__ for name in ("overnight.campaign", "overnight", "click", "json", "select", "mine")))
"""


@pytest.mark.parametrize("python_path", [None, "."])
def test_a_process_of_ours_imports_nothing_of_the_users_in_the_place_of_what_is_installed(tmp_path, python_path):
    for namesake in NAMESAKES:
        (tmp_path / f"{namesake}.py").write_text("raise SystemExit('a script of the user was run')\n")
    (tmp_path / "mine.py").touch()
    (tmp_path / "probe.py").write_text("import sys\n" + PROBE)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if python_path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([python_path, ROOT])
    # A module that no package of ours has is found in the working folder, which comes last.
    ran = subprocess.run(own_module("probe"), cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    *found, mine = ran.stdout.split()
    assert mine == str(tmp_path / "mine.py")
    assert [path for path in found if path.startswith(str(tmp_path))] == []
    assert [path.startswith(ROOT) for path in found[:2]] == [True, True]


def test_a_script_that_imports_overnight_gets_ours_although_its_folder_comes_first(tmp_path):
    for namesake in ("campaign", "report", "storage", "bo_core", "evaluators", "flows"):
        (tmp_path / f"{namesake}.py").write_text("raise SystemExit('a script of the user was run')\n")
    (tmp_path / "script.py").write_text("from overnight import Campaign; print(Campaign.__module__)\n")
    environment = {**os.environ, "PYTHONPATH": ROOT}
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "overnight.campaign.definition\n", ran.stderr
