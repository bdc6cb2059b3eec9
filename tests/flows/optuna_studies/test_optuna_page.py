"""The Python of the how-to page runs as it stands."""

from pathlib import Path

import optuna
import pytest
from dashboards import append
from fenced_blocks import REPOSITORY, blocks
from optuna_ledgers import every_state


def test_the_pythons_of_the_page_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    append(tmp_path / "ledger", "net", every_state())
    names: dict[str, object] = {}
    for block in blocks((REPOSITORY / "docs/how-to/optuna.md").read_text()):
        if block.language == "python":
            exec(block.text, names)
    assert (tmp_path / "history.html").exists()
    assert isinstance(study := names["study"], optuna.Study)
    assert len(study.trials) == 10
