"""Prefect is imported only after its settings have been made, and Prefect and SciPy only where they are needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"


# Heavy packages stay imported, so the first module that is listed with one imports it.
IMPORTS = """
import sys
from importlib import import_module

for module in sys.argv[1:]:
    import_module(module)
    print(module, *sorted({'prefect', 'scipy'} & {*sys.modules}))
"""
MODULES = (
    "overnight.flows.commands.people.append",
    "overnight.flows.commands.read.status",
    "overnight.flows.report_page",
    "overnight.flows.commands.start.check",
    "overnight.flows.commands.start.deploy",
    "overnight.flows.commands.start.run",
    "overnight.flows.api.ask_tell",
    "overnight.flows.api.run",
)


@pytest.mark.slow
def test_modules_are_imported_without_prefect_and_scipy():
    found = subprocess.run([sys.executable, "-c", IMPORTS, *MODULES], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [*MODULES]


# The recommendation is recorded, so that no model is needed for it.
SHORT = """
import sys
from recommendations import recommendation
from told_stories import Story
from overnight.bo_core import BayesianProposer
from overnight.flows.rules.recommending import insight_into

story = Story()
for trial in range(1, 5):
    story.tried(trial, trial, mean=1.0 / trial)
best = story.history.trials[4]
found = recommendation(trial=4, point=best.point, mean=0.25, sd=0.1, probability_best=0.9)
print(insight_into(story.history, found, BayesianProposer()), 'torch' in sys.modules)
"""


@pytest.mark.slow
def test_the_report_of_a_campaign_with_few_results_imports_no_model():
    found = subprocess.run(
        [sys.executable, "-c", SHORT],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "None False"
