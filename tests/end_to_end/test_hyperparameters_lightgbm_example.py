"""The example that tunes LightGBM runs in a shortened form, within its limits."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "hyperparameters_lightgbm"


@pytest.mark.slow
def test_the_example_drops_trees_only_with_dart_and_reports_size_and_speed(tmp_path):
    for name in ("campaign.yaml", "boosted.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    source = tmp_path / "campaign.yaml"
    text = source.read_text().replace("trials: 60", "trials: 4").replace("high: 500", "high: 40")
    source.write_text(text.replace("n_estimators: 100", "n_estimators: 30"))
    assert run_here(tmp_path).recommend() is not None
    for row in json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout):
        assert (row["drop_rate"] is None) == (row["skip_drop"] is None) == (row["boosting_type"] == "gbdt")
        assert row["log_loss_sem"] > 0
        assert row["model_kib"] > 0
        assert row["predict_us"] > 0
