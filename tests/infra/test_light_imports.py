"""Prefect is imported only after its settings have been made, and Prefect and SciPy only where they are needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    [
        "overnight.flows.api.run",
        "overnight.flows.api.ask_tell",
        "overnight.flows.commands.people.append",
        "overnight.flows.commands.read.status",
        "overnight.flows.commands.start.check",
        "overnight.flows.commands.start.deploy",
        "overnight.flows.commands.start.run",
        "overnight.flows.report_page",
    ],
)
def test_a_module_is_imported_without_prefect_and_scipy(module: str):
    program = f"import sys, {module}; print({{'prefect', 'scipy'}} & {{*sys.modules}} or 'neither')"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "neither"


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
