"""Prefect is imported only after its settings have been made, and Prefect and SciPy only where they are needed."""

import subprocess
import sys

import pytest


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
    ],
)
def test_a_module_is_imported_without_prefect_and_scipy(module: str):
    program = f"import sys, {module}; print({{'prefect', 'scipy'}} & {{*sys.modules}} or 'neither')"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "neither"
