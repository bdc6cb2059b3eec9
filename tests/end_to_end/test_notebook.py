"""A notebook runs from its first cell to its last, without a browser, in Jupyter and as marimo runs it."""

import IPython.display
import nbformat
import pytest
from nbclient import NotebookClient
from notebooks import CELLS, CellOutput, run_like_marimo


def expect_shown(found, campaign, slices, watched):
    assert "recommended" in found
    assert "bowl: " in campaign
    assert slices.startswith("<iframe srcdoc=")
    assert campaign in watched


@pytest.mark.slow
def test_a_notebook_tunes_a_function_and_shows_what_was_found(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [[output["data"] for output in cell["outputs"] if "data" in output] for cell in notebook.cells]
    found, campaign, slices, trials, watched = (each[0]["text/html"] for each in shown)
    assert trials.count("<tr") == 3 + 2
    expect_shown(found, campaign, slices, watched)


@pytest.mark.slow
def test_a_notebook_runs_in_a_thread_with_a_running_loop_as_in_marimo(tmp_path, monkeypatch):
    output = CellOutput()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(IPython.display, "display", output.display)
    found, campaign, slices, _, watched = run_like_marimo(CELLS, output)
    expect_shown(found, campaign, slices, watched)
