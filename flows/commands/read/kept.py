"""A campaign as its ledger keeps it, for the commands that only read; a mistake in its file does not hide it."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.bo_core import AnyProposer
from overnight.campaign import History
from overnight.campaign.errors import InvalidDefinition, LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.definition.addresses import place_of_ledger
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.definition.yaml_source import read_yaml
from overnight.flows.host.terminal import terminal
from overnight.flows.rules.recommending import proposer_of
from overnight.storage import ParquetLedger, ledger_location, open_ledger

# Top-level keys with a value on their line, in a file that is no valid YAML.
_KEY = re.compile(r"^(name|ledger):[ \t]+(['\"]?)([^'\"#\n]+?)\2[ \t]*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Kept:
    """The `name` of a campaign and the address of its `ledger`; `file` is None if it is unknown or has a mistake.

    `path` is what a person named: the campaign's file or its folder in a ledger.
    """

    path: Path
    name: str
    address: str
    file: CampaignFile | None

    @property
    def ledger(self) -> ParquetLedger:
        """Return the ledger."""
        return open_ledger(self.address, self.name, Path())

    @property
    def location(self) -> str:
        """Return the place of the ledger, for people."""
        return ledger_location(self.address, self.name, Path())

    @property
    def folder(self) -> Path:
        """Return the folder in which a report is written, and a third party's proposer is looked for."""
        return self.path.parent if self.path.is_file() else Path()

    def proposer(self, history: History) -> AnyProposer:
        """Return the proposer of the file, or else the recorded one."""
        return proposer_of(history, self.folder) if self.file is None else self.file.proposer

    def events(self) -> list[Event]:
        """Return all events; raises LedgerError if nothing has been written yet."""
        events = [event for segment in asyncio.run(self.ledger.read()) for event in segment.events]
        if not events:
            raise self.nothing()
        return events

    def nothing(self) -> LedgerError:
        """Return the error of a campaign of which nothing has been recorded."""
        return LedgerError(
            f"{self.location}: expected the ledger of campaign `{self.name}`, found nothing. Run it first: "
            f"overnight run {self.path}"
        )


def kept_at(path: Path) -> Kept:
    """Return the campaign that a person names by its file, or by its folder in a ledger.

    If the file has a mistake, a warning is printed, and the campaign is known from its ledger alone. Raises
    InvalidDefinition if the file does not show where the ledger is, or if nothing has been recorded.
    """
    if path.is_dir():
        folder = path.resolve()
        return Kept(path, folder.name, str(folder.parent), None)
    try:
        file = load_campaign_file(path)
    except InvalidDefinition as mistake:
        place = _place_in(path)
        kept = None if place is None else Kept(path, *place, None)
        if kept is None or not _is_recorded(kept):
            raise
        _warn(path, mistake)
        return kept
    return Kept(path, file.campaign.name, file.ledger, file)


def _place_in(path: Path) -> tuple[str, str] | None:
    """Return the campaign's name and the address of its ledger in a file with mistakes; None if they are unknown."""
    try:
        data = read_yaml(path).data
        found = data if isinstance(data, Mapping) else {}
    except InvalidDefinition:
        found = _top_level(path)
    return place_of_ledger(found, path.resolve().parent)


def _top_level(path: Path) -> dict[str, str]:
    try:
        return {key: value for key, _, value in _KEY.findall(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError):
        return {}


def _is_recorded(kept: Kept) -> bool:
    try:
        return kept.ledger.head()[0] > 0
    except LedgerError:
        return False


def _warn(path: Path, mistake: InvalidDefinition) -> None:
    first, *others = mistake.problems
    more = f", and {len(others)} more (overnight check {path})" if others else ""
    text = f"{path} has a mistake, so the campaign is shown as its ledger defines it: {first}{more}"
    terminal(stderr=True).print(text, style="yellow", soft_wrap=True, markup=False)
