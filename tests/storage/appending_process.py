"""Append to a ledger until killed, and print the number of each acknowledged segment."""

import asyncio
import sys
from pathlib import Path

from event_samples import started

from overnight.campaign.errors import LedgerMoved
from overnight.storage import open_ledger


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(place: str, actor: str) -> None:
    ledger = open_ledger(place, "bread", Path())
    say("ready")
    sys.stdin.readline()
    segments = await ledger.read()
    head = segments[-1].number if segments else 0
    while True:
        try:
            head = await ledger.append([started(head + 1, actor)], after=head)
            say(str(head))
            # Otherwise the ledger grows faster than a newly started process can read it.
            await asyncio.sleep(0.01)
        except LedgerMoved:
            head = (await ledger.read(after=head))[-1].number


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
