"""A user's own Prefect server, shared by the end-to-end tests."""

import asyncio
from collections.abc import Iterator

import pytest
from own_prefect import Server, unset_prefect

from overnight.flows.engine.server import PrefectServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start one server for all tests; each test gives its campaign and its pool a unique name there."""
    home = tmp_path_factory.mktemp("prefect")
    with unset_prefect():
        started = PrefectServer(home)
    try:
        asyncio.run(started.ready())
        yield Server(started, home)
    finally:
        started.close()
