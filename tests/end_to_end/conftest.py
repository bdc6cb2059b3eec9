"""What end-to-end tests share: a Prefect server of the user's own."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_prefect import Server

from overnight.flows.engine.server import PrefectServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "prefect"
    home.mkdir()
    started = PrefectServer(home)
    try:
        asyncio.run(started.ready())
        yield Server(started, home)
    finally:
        started.close()
