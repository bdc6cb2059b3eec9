"""Prefect is imported only after its settings have been made, and never by a command that does not need it."""

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
def test_a_module_is_imported_without_prefect(module: str):
    program = f"import sys, {module}; print('prefect' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
