"""A ledger of four segments in a directory, and the paths of its files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from event_samples import EVENTS, SEGMENTS, started

from overnight.storage import LocalStore, ParquetLedger


@pytest.fixture
async def ledger(tmp_path: Path) -> ParquetLedger:
    ledger = ParquetLedger(LocalStore(tmp_path), "bread/")
    await ledger.append(EVENTS, after=0)
    for number in range(2, SEGMENTS + 1):
        await ledger.append([started(number)], after=number - 1)
    return ledger


@pytest.fixture
def file(tmp_path: Path) -> Callable[[int], Path]:
    return lambda number: tmp_path / f"bread/events/{number // 1000:05d}/{number:020d}.parquet"
