"""A definition that `overnight check` refuses is refused by `AskTell` as well, before anything is written."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asked_campaign import CAMPAIGN, segments

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.definition.campaign_file import read_campaign

START = [{"x": 0.1}, {"x": 0.2}, {"x": 0.2}, {"x": 0.3}]
GPYTORCH = {"kind": "gpytorch", "model": "nowhere:model"}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing to confirm with": ({"confirm": 3, "proposer": {"kind": "sobol"}}, "confirm: expected `never` or `auto`"),
    "no room for the search": ({"confirm": 8}, "confirm: expected at most 7, because `budget.trials` is 9 and 2 "),
    "no room beside the points asked for": (
        {"confirm": 6, "start_with": START, "baseline": {"x": 0.9}},
        "confirm: expected at most 5, because `budget.trials` is 9 and 4 ",
    ),
    "no room in the evaluations": (
        {"confirm": 3, "budget": {"trials": 9, "evaluations": 4}},
        "confirm: expected at most 2, because `budget.evaluations` is 4 and 2 ",
    ),
    "no gain to stop at": (
        {"stop_when": {"expected_gain_below": 0.1}, "proposer": {"kind": "sobol"}},
        "stop_when.expected_gain_below: expected a proposer that computes the expected gain",
    ),
    "no time in the window": (
        {
            "window": {"from": "22:00", "to": "23:00", "zone": "UTC"},
            "evaluator": {"kind": "command", "command": ["true"], "time_limit": "2h"},
        },
        "evaluator.time_limit: expected at most 1h",
    ),
    "no score for constraints": (
        {"constraints": ["loss <= 3"], "proposer": {"kind": "bayesian", "acquisition": "upper_confidence_bound"}},
        "proposer.acquisition: expected log_noisy_expected_improvement or log_probability_of_improvement with",
    ),
    "no score for several objectives": (
        {
            "maximize": None,
            "objectives": [{"minimize": "loss"}, {"maximize": "speed"}],
            "proposer": {"kind": "bayesian", "acquisition": "thompson_sampling"},
        },
        "proposer.acquisition: expected log_noisy_expected_improvement with several `objectives`",
    ),
    "no constraint": ({"constraints": ["loss <= 3", "loss < 4"]}, "constraints.1: expected `<=` or `>=`, got `<`"),
    "no baseline": ({"constraints": ["loss <= 2 * baseline"]}, "constraints.0: expected a `baseline`"),
    "no such proposer": (
        {"proposer": {"kind": "python", "implementation": "nowhere:Class"}},
        "proposer.implementation",
    ),
    "no such model": ({"proposer": {"kind": "bayesian", "surrogate": GPYTORCH}}, "proposer.surrogate.model"),
    "no such device": ({"proposer": {"kind": "bayesian", "device": "cuda"}}, "proposer.device"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_definition_that_a_check_refuses_is_refused_by_a_loop_of_ones_own(why, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    changes, problem = REFUSED[why]
    source = CAMPAIGN | {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")} | changes

    async def check() -> None:
        await read_campaign(source).check()

    with pytest.raises(InvalidDefinition) as checked:
        asyncio.run(check())
    with pytest.raises(InvalidDefinition) as asked:
        AskTell(source).ask()
    assert problem in str(checked.value)
    assert str(asked.value) == str(checked.value)
    assert segments(source) == 0


def test_the_largest_number_of_confirming_trials_leaves_room_for_all_others(tmp_path: Path):
    asked = {"confirm": 5, "start_with": START, "baseline": {"x": 0.9}}
    campaign = AskTell(CAMPAIGN | {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")} | asked)
    for number in range(9):
        trial = campaign.ask()
        assert (trial.proposal.generator == "confirming") == (number >= 4)
        campaign.tell(trial, float(number))
