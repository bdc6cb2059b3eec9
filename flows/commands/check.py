"""`overnight check`: whether a campaign could run, and what it would do."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.text import Text

from flows.campaign_file import load_campaign_file
from flows.clock import SystemClock
from flows.describe import describe


def check(path: Path) -> None:
    """Validate the file and what it plugs in, and print what would be done."""
    file = load_campaign_file(path)
    asyncio.run(file.check())
    console = Console()
    console.print(describe(file, SystemClock().now()))
    console.print(Text.assemble(("✓", "green"), f" {path} is valid. Run it with: overnight run {path}"), soft_wrap=True)
