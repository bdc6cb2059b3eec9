"""The examples with conditional parameters and with a mixture run, and their points obey the file."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import overnight_here
from run_example import run_here

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(folder: Path, name: str, trials: int) -> list[dict[str, Any]]:
    """Return the rows of the trials of an example, which is run with fewer of them."""
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("ledger", "work"))
    source = folder / "campaign.yaml"
    text = source.read_text()
    shortened = text.replace(text[text.index("budget:") :].splitlines()[0], f"budget: {{trials: {trials}}}")
    source.write_text(shortened)
    assert run_here(folder).recommend() is not None
    return json.loads(overnight_here(folder, "trials", "--format", "json").stdout)


@pytest.mark.slow
def test_a_trial_of_the_learner_has_the_parameters_of_its_classifier_alone(tmp_path):
    own = {"svm": {"kernel", "C"}, "forest": {"trees", "depth"}, "neighbours": {"k", "by_distance"}}
    rows = run(tmp_path, "learner", 6)
    assert len(rows) == 6
    for row in rows:
        held = {name for name in set().union(*own.values()) if row.get(name) is not None}
        assert held == own[row["learner"]]
        assert (row.get("gamma") is not None) == (row.get("kernel") in ("poly", "rbf"))
        assert (row.get("degree") is not None) == (row.get("kernel") == "poly")


@pytest.mark.slow
def test_the_shares_of_every_blend_sum_to_one_and_obey_the_limits(tmp_path):
    for row in run(tmp_path, "blend", 5):
        shares = [row[name] for name in ("ridge", "trees", "neighbours", "boosting")]
        assert sum(shares) == pytest.approx(1.0, abs=1e-9)
        assert row["bent"] == row["trees"] + row["neighbours"] + row["boosting"] <= 0.8
        assert row["neighbours"] <= 2 * row["trees"] + 0.1
        assert sum(share**2 for share in shares) <= 0.6
