"""Refuse unusable folders before anything starts."""

import os
import tempfile
from pathlib import Path

from overnight.campaign.errors import InvalidDefinition, LedgerError
from overnight.campaign.problems import Problem
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.storage import ledger_location, read_receipts

_NOTHING = "Nothing was written."


def refuse_unusable_places(file: CampaignFile) -> None:
    """Raise InvalidDefinition if the ledger, the work folder or the file of receipts cannot be written here.

    A folder is tested by making and removing another one in it, or in its nearest parent that exists.
    """
    ledger = _ledger_folder(file)
    folders = [("work", Path(file.work)), *([("ledger", ledger)] if ledger is not None else [])]
    found = [(where, _why_unusable(folder)) for where, folder in folders]
    if file.receipts is not None:
        found.append(("receipts", _why_unusable_receipts(Path(file.receipts))))
    _refuse([Problem((where,), f"{why} {_NOTHING}") for where, why in found if why is not None])


def refuse_overlaps(file: CampaignFile) -> None:
    """Raise InvalidDefinition if the ledger, work folder and receipts of a new campaign would lie inside each other."""
    ledger, work = _ledger_folder(file), Path(os.path.abspath(file.work))
    if ledger is None:
        return
    problems = []
    if ledger == work:
        problems.append(("ledger", f"expected a folder other than `work`, got {ledger} for both"))
    elif ledger.is_relative_to(work):
        problems.append(
            ("ledger", f"expected a folder outside of `work` ({work}), which people may empty, got {ledger}")
        )
    elif work.is_relative_to(ledger / file.campaign.name):
        problems.append(("work", f"expected a folder outside the campaign's ledger ({ledger}), got {work}"))
    if file.receipts is not None and Path(os.path.abspath(file.receipts)).is_relative_to(ledger):
        problems.append(
            ("receipts", f"expected a file outside the ledger ({ledger}) that it vouches for, got {file.receipts}")
        )
    _refuse([Problem((where,), f"{text}. Name another place. {_NOTHING}") for where, text in problems])


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidDefinition([str(problem) for problem in problems])


def _ledger_folder(file: CampaignFile) -> Path | None:
    """Return the folder that holds the campaign's ledger; None if a bucket does."""
    location = ledger_location(file.ledger, file.campaign.name, Path())
    return None if location.startswith("s3://") else Path(os.path.abspath(location)).parent


def _why_unusable(folder: Path) -> str | None:
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists() or place.is_symlink())
    if not nearest.is_dir():
        return f"expected a folder, but {nearest} is not one. Move it out of the way, or name another folder."
    try:
        with tempfile.TemporaryDirectory(prefix=".overnight-check-", dir=nearest):
            return None
    except OSError as problem:
        return (
            f"expected a folder that can be written, but cannot write in {nearest}: {problem.strerror}. Let this user "
            "write there, or name another folder."
        )


def _why_unusable_receipts(file: Path) -> str | None:
    if not file.parent.is_dir():
        return f"expected a file in an existing folder, found no folder {file.parent}. Create it, or name another."
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return f"expected a file that can be written, but {file} cannot. Let this user write it, or name another."
    try:
        read_receipts(file)
    except LedgerError as problem:
        return str(problem)
    return None
