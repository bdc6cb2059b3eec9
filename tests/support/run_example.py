"""Run the campaign of an example in this process, which costs a fraction of `overnight run` with its server."""

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from overnight import AskTell
from overnight.campaign.errors import CampaignStopped
from overnight.evaluators import PythonEvaluator


def run_here(folder: Path) -> AskTell:
    """Try one trial after the other until the budget of `campaign.yaml` is spent, and return the campaign."""
    campaign = AskTell(folder / "campaign.yaml")
    evaluate = function_of(campaign, folder)
    takes_seed = "seed" in inspect.signature(evaluate).parameters
    while True:
        try:
            trial = campaign.ask()
        except CampaignStopped:
            return campaign
        campaign.tell(trial, evaluate(trial.point, **({"seed": trial.id} if takes_seed else {})))


def function_of(campaign: AskTell, folder: Path) -> Callable[..., Any]:
    """Return the function that evaluates a campaign, from a file of its folder."""
    evaluator = campaign.file.evaluator
    assert isinstance(evaluator, PythonEvaluator)
    module, _, name = evaluator.function.partition(":")
    # Under a name of its own, so that no module of another example is found in its place.
    found = importlib.util.spec_from_file_location(f"{folder.name}_{module}", folder / f"{module}.py")
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return getattr(loaded, name)
