"""Run the notebook of the tests in marimo itself, exported without a browser, and check what each cell shows."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import indent

from notebooks import CELLS
from test_notebook import expect_shown

_CELL = "@app.cell\ndef _():\n{}\n\n\n"


def outputs(folder: Path) -> list[str]:
    """Return the HTML of each cell, from the session that an export leaves beside its notebook."""
    cells = "".join(_CELL.format(indent(cell, "    ")) for cell in CELLS)
    (folder / "bowl.py").write_text(f"import marimo\n\napp = marimo.App()\n\n\n{cells}")
    export = [sys.executable, "-m", "marimo", "export", "html", "bowl.py", "-o", "bowl.html"]
    subprocess.run(export, cwd=folder, check=True)
    session = json.loads((folder / "__marimo__" / "session" / "bowl.py.json").read_text())
    return [cell["outputs"][0]["data"]["text/html"] for cell in session["cells"]]


with tempfile.TemporaryDirectory() as folder:
    found, campaign, slices, trials, watched = outputs(Path(folder))
    # marimo has a table of its own for data frames.
    assert "<marimo-table" in trials
    expect_shown(found, campaign, slices, watched)
sys.stdout.write("marimo shows each cell of the notebook as expected.\n")
