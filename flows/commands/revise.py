"""`overnight revise`: a changed campaign file is taken by the running controller."""

from pathlib import Path

from rich.console import Console

from bo_core.inside import lies_in
from flows.campaign_file import load_campaign_file
from flows.commands.people import append_to, say_written
from flows.revising import revise as revised


def revise(path: Path, why: str) -> None:
    """Append the definition as the file has it now, and say what becomes of trials outside of its bounds."""
    file = load_campaign_file(path)
    history = append_to(
        file, path, lambda history, who, now: revised(history, who, why, now, file.campaign, file.settings())
    )
    say_written(history, "revised; it holds from the next proposal on", path)
    outside = sum(not lies_in(file.campaign, trial.point) for trial in history.trials.values())
    if outside:
        Console(highlight=False, markup=False).print(
            f"{outside} of {len(history.trials)} trials lie outside of its bounds: they stay in the ledger, and the "
            "model learns nothing from them",
            soft_wrap=True,
        )
