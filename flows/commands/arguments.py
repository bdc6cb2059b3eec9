"""Arguments that several subcommands have."""

from pathlib import Path
from typing import Annotated

import typer

CampaignPath = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file.")]
KeptPath = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file, or its folder in a ledger.")
]


def _trial_number(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter(f"expected the number of a trial, and the campaign's file after it, got {text!r}.")
    return int(text)


TrialNumber = Annotated[int, typer.Argument(metavar="TRIAL", help="The trial's number.", parser=_trial_number)]
