"""Run the campaign of an example in this process, which costs a fraction of `overnight run` with its server."""

from contextlib import chdir
from pathlib import Path

from benchmarks.real.example import evaluated, function_of
from overnight import AskTell
from overnight.campaign.errors import CampaignStopped
from overnight.evaluators import PythonEvaluator


def run_here(folder: Path) -> AskTell:
    """Try one trial after the other until the budget of `campaign.yaml` is spent, and return the campaign."""
    campaign = AskTell(folder / "campaign.yaml")
    evaluator = campaign.file.evaluator
    assert isinstance(evaluator, PythonEvaluator)
    function = function_of(evaluator, folder)
    while True:
        try:
            trial = campaign.ask()
        except CampaignStopped:
            return campaign
        # The working folder of an evaluation is the campaign's folder.
        with chdir(folder):
            result = evaluated(function, trial.point, trial.id)
        campaign.tell(trial, result)
