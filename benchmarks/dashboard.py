"""Measure the dashboard with a long campaign in a real browser.

Run `PYTHONPATH=.:tests/support python -m benchmarks.dashboard`; it needs Chromium.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from chromium import Page, chromium

from benchmarks.storage.events import events
from overnight.campaign.history.events import CampaignPaused, CampaignResumed
from overnight.storage import open_ledger

_EVENTS_PER_TRIAL = 3
_SEGMENT = 100
_UPDATES = 5
# Each page, and what a reader waits for on it; the first one is opened by a server that has read nothing yet.
_PAGES = {
    "the overview, for the first time": ("", "document.querySelector('.finding') !== null"),
    "the overview with its first chart": ("", "document.querySelector('.js-plotly-plot') !== null"),
    "the table of trials": ("/trials", "document.querySelectorAll('table.trials tr').length > 50"),
    "a trial with its explanation": ("/trials/7", "document.getElementById('explain') !== null"),
    "the audit": ("/audit", "document.getElementById('done') !== null"),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as profile:
        head = _fill(place, trials)
        with _served(place) as address, chromium(Path(profile)) as page:
            page.size(1440)
            for what, (path, shown) in _PAGES.items():
                page.open("about:blank")
                began = time.monotonic()
                page.call("Page.navigate", url=f"{address}campaigns/night{path}")
                page.until(shown, 120)
                took = time.monotonic() - began
                print(f"{what}: {took:.2f} s; heap {page.memory():.0f} MB, process {_renderer():.0f} MB", flush=True)
            for seconds in _updates(place, head, page, address):
                print(f"from an append until it is on the page: {seconds:.2f} s", flush=True)


def _fill(place: str, trials: int) -> int:
    """Write a campaign, and return the number of its newest segment."""
    ledger, made = open_ledger(place, "night", Path()), events(_EVENTS_PER_TRIAL * trials)

    async def write() -> int:
        head = 0
        for i in range(0, len(made), _SEGMENT):
            head = await ledger.append(made[i : i + _SEGMENT], after=head)
        return head

    return asyncio.run(write())


@contextmanager
def _served(place: str) -> Iterator[str]:
    """Run a dashboard as a process of its own, and yield its address."""
    command = [sys.executable, "-m", "overnight", "dashboard", place, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1].partition("#")[0]
        server.stdout.readline()
        try:
            yield address
        finally:
            server.terminate()


def _updates(place: str, head: int, page: Page, address: str) -> Iterator[float]:
    """Yield the seconds from the append of a pause until its reason is on the page."""
    page.open(f"{address}campaigns/night")
    page.until("document.querySelector('.js-plotly-plot') !== null", 120)
    ledger = open_ledger(place, "night", Path())
    for i in range(_UPDATES):
        time.sleep(3)
        why, now = f"reason {i}", datetime.now(UTC)
        paused = CampaignPaused(time=now, actor="ada@home", request=2 * i + 1, why=why)
        head = asyncio.run(ledger.append([paused], after=head))
        yield page.until(f"document.body.innerText.includes('{why}')")
        resumed = CampaignResumed(time=now, actor="ada@home", request=2 * i + 2, why=why)
        head = asyncio.run(ledger.append([resumed], after=head))


def _renderer() -> float:
    """Return the resident megabytes of the largest process that renders pages."""
    listed = subprocess.run(["ps", "-eo", "rss=,args="], capture_output=True, text=True, check=True).stdout
    sizes = [int(line.split()[0]) for line in listed.splitlines() if "--type=renderer" in line]
    return max(sizes, default=0) / 1024


if __name__ == "__main__":
    main()
