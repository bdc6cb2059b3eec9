"""The example with two objectives runs, shows its front, and recommends what its file prefers."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "archive"


@pytest.mark.slow
def test_the_example_shows_a_front_and_recommends_one_of_it(tmp_path):
    for name in ("campaign.yaml", "archive.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    source = tmp_path / "campaign.yaml"
    source.write_text(source.read_text().replace("trials: 30", "trials: 10"))
    assert run_here(tmp_path).recommend() is not None

    def answered(*arguments: str) -> list[dict[str, Any]]:
        return json.loads(overnight_here(tmp_path, *arguments, "--format", "json").stdout)

    front, every = answered("trials", "--pareto"), answered("trials")
    found = [(row["archive_kib"], row["read_ms"]) for row in front]
    assert found == sorted(found)
    assert [read for _, read in found] == sorted((read for _, read in found), reverse=True)
    assert [row["trial"] for row in every if row["on_front"]] == sorted(row["trial"] for row in front)
    others = [(row["archive_kib"], row["read_ms"]) for row in every if not row["on_front"]]
    assert all(any(kib <= other[0] and read <= other[1] for kib, read in found) for other in others)

    [made] = answered("query", "select trial, preferred from recommendations")
    believed = {row["trial"]: row["mean"] for row in answered("query", "from fronts where metric = 'read_ms'")}
    assert made["preferred"]
    assert believed[made["trial"]] <= 1
