"""A notebook of Jupyter runs from its first cell to its last, without a browser."""

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = (
    "import overnight\n"
    "found = overnight.minimize(lambda p: (p['x'] - 0.3) ** 2, {'x': (0, 1)}, trials=9, ledger='ledger', name='bowl')\n"
    "found",
    "campaign = overnight.open_campaign('ledger/bowl')\ncampaign",
    "campaign.plot_slices()",
    "campaign.trials().head(3)",
    "campaign.watch()",
)


@pytest.mark.slow
def test_a_notebook_tunes_a_function_and_shows_what_was_found(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [[output["data"] for output in cell["outputs"] if "data" in output] for cell in notebook.cells]
    found, campaign, slices, trials, watched = (each[0]["text/html"] for each in shown)
    assert "recommended" in found
    assert "bowl: " in campaign
    assert slices.startswith("<iframe srcdoc=")
    assert trials.count("<tr") == 3 + 2
    assert watched == campaign
