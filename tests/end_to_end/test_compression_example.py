"""The example with constraints runs, and reports what it found within its limits."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "compression"


@pytest.mark.slow
def test_the_example_recommends_a_point_within_its_limits(tmp_path):
    for name in ("campaign.yaml", "compression.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    source = tmp_path / "campaign.yaml"
    source.write_text(source.read_text().replace("trials: 30", "trials: 12"))
    assert run_here(tmp_path).recommend() is not None
    assert "decoder_kib <= 300" in overnight_here(tmp_path, "status").stdout
    status = json.loads(overnight_here(tmp_path, "status", "--format", "json").stdout)
    found = status["feasibility"]["recommended"]
    assert [each["constraint"] for each in found["beliefs"]] == ["cpu_ms <= 1.05 * baseline", "decoder_kib <= 300"]
    assert found["probability"] >= found["demanded"] == 0.95
