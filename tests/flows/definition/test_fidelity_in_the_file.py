"""A fidelity in the campaign file: the keys that it excludes, and its description by `overnight check`."""

import io

import pytest
from rich.console import Console
from thorough_campaigns import DEFINITION, NOON

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.commands.start.describe import describe
from overnight.flows.definition.campaign_file import read_campaign

FILE = DEFINITION | {"evaluator": "train:train"}


@pytest.mark.parametrize("budget", [{"cost": 3}, {"wall_clock": "8h"}, {"cost": 3, "wall_clock": "8h"}])
def test_a_budget_of_cost_or_time_is_enough(budget):
    assert read_campaign(FILE | {"budget": {"trials": 9} | budget}).campaign.fidelity is not None


@pytest.mark.parametrize("budget", [{"trials": 9}, {"trials": 9, "evaluations": 9}])
def test_a_budget_of_trials_alone_is_refused_because_trials_differ_in_cost(budget):
    with pytest.raises(InvalidDefinition, match=r"budget: expected `cost` or `wall_clock` with a `fidelity`.*0\.11"):
        read_campaign(FILE | {"budget": budget})


@pytest.mark.parametrize(
    ("proposer", "where"),
    [
        ({"kind": "python", "implementation": "mine:propose"}, "proposer.kind"),
        ({"surrogate": {"kind": "gpytorch", "model": "mine:model"}}, "proposer.surrogate"),
        ({"acquisition": "upper_confidence_bound"}, "proposer.acquisition"),
        ({"cost_aware": True}, "proposer.cost_aware"),
    ],
)
def test_proposers_that_cannot_choose_a_fidelity_are_refused(proposer, where):
    with pytest.raises(InvalidDefinition, match=f"{where}: expected .* with a `fidelity`"):
        read_campaign(FILE | {"proposer": proposer})


@pytest.mark.parametrize("proposer", [{"kind": "sobol"}, {"acquisition": "log_probability_of_improvement"}])
def test_a_sequence_and_acquisitions_that_compare_with_the_best_are_accepted(proposer):
    assert read_campaign(FILE | {"proposer": proposer}).campaign.fidelity is not None


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"minimize": None, "objectives": [{"minimize": "loss"}, {"minimize": "time"}]}, "objectives"),
        ({"context": {"load": ["high", "low"]}}, "context"),
        ({"kind": "ab_test", "arms": 2, "traffic": {"unit": "users", "per_batch": 100}}, "budget.cost"),
    ],
)
def test_a_contradiction_is_reported_once_with_the_value_as_written(more, where):
    written = {key: value for key, value in (FILE | {"budget": {"trials": 9, "cost": 8}} | more).items() if value}
    with pytest.raises(InvalidDefinition) as raised:
        read_campaign(written)
    about = [problem for problem in raised.value.problems if problem.startswith(f"{where}: expected no")]
    assert len(about) == 1
    assert about[0].endswith(("got 8", f"got {more.get(where)}"))


def test_the_check_describes_the_fidelity_its_costs_and_the_last_trial():
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(describe(read_campaign(FILE), NOON))
    text = " ".join(console.export_text().split())
    assert "fidelity epochs 1, 3, 9; 9 is full fidelity" in text
    assert "1 costs 0.111, 3 costs 0.333, 9 costs 1 of a full evaluation" in text
    assert "an evaluation that continues from a lower one costs the rest" in text
    assert "the last trial, at epochs = 9" in text
