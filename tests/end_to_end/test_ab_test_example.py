"""The example of an A/B test runs: arms share traffic, the best one goes through its stage, and the end says so."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import overnight, overnight_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "ab_test"


@pytest.mark.slow
def test_the_example_compares_arms_of_a_batch_and_says_what_may_be_stated(tmp_path, server):
    for name in ("campaign.yaml", "serving.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    source = tmp_path / "campaign.yaml"
    text = source.read_text().replace("arms: 5", "arms: 3").replace("per_batch: 4000", "per_batch: 600")
    source.write_text(text.replace("trials: 19", "trials: 5").replace("[0.1, 0.5]", "[0.5]"))
    assert "A/B test: " in overnight(tmp_path, "run", "campaign.yaml", variables=server.environment).stdout

    def answered(*arguments: str) -> list[dict[str, Any]]:
        return json.loads(overnight_here(tmp_path, *arguments, "--format", "json").stdout)

    arms = answered("query", "from arms where metric = 'cpu_ms'")
    assert {arm["trial"]: arm["batch"] for arm in arms if arm["batch"] == 1} == {1: 1, 2: 1, 3: 1}
    assert all((arm["difference"] is None) == arm["status_quo"] for arm in arms)
    shares = answered("query", "select batch, sum(weight) as share from proposals group by batch")
    assert [row["share"] for row in shares] == pytest.approx([1.0] * len(shares))
    counts = answered("query", "select count(*) as outcomes from events where kind = 'trial_observed' group by trial")
    assert {row["outcomes"] for row in counts} == {1}
    assert "differs" not in overnight_here(tmp_path, "replay").stdout
