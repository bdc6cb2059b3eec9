"""`overnight campaigns`: list the campaigns in a directory or a bucket."""

from pathlib import Path

from rich.table import Table

from overnight.flows.host.terminal import terminal
from overnight.storage import kept_campaigns


def campaigns(url: str) -> None:
    """Print a line for each campaign."""
    found = kept_campaigns(url, Path())
    if not found:
        terminal().print(f"{url}: no campaigns", soft_wrap=True)
        return
    table = Table("campaign", "segments", "last event", header_style="bold", padding=(0, 1))
    for campaign in found:
        last = "" if campaign.last is None else f"{campaign.last.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(campaign.name, f"{campaign.segments:,}", campaign.damage or last)
    terminal().print(table)
