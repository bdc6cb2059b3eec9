"""Set-up of all tests: servers, a marker for tests that use one, and no deadlines for Hypothesis."""

import os
import secrets
import time
from collections.abc import Iterator

import pytest
from hypothesis import settings
from postgres_server import PostgresServer, postgres_server
from s3_server import BUCKET, WRITER, S3Server, s3_server

# A busy machine must not fail a property. Fewer examples than usual keep the checks within their time.
settings.register_profile("overnight", deadline=None, max_examples=30)
settings.load_profile("overnight")

# Fixtures that start a server. A test may also name one of them in its parameters.
SERVERS = {"s3", "bucket", "postgres", "server"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use a server, and order the tests: quick files, files with slow tests, their slow tests last.

    Files with long tests come before other slow ones, so that none of them is left for the end.
    """
    for item in items:
        if isinstance(item, pytest.Function) and SERVERS & _asked_by(item):
            item.add_marker(pytest.mark.server)
    slow = {item.path for item in items if _is_slow(item)}
    long = {item.path for item in items if item.get_closest_marker("long")}
    places = {path: place for place, path in enumerate(dict.fromkeys(item.path for item in items))}
    items.sort(key=lambda i: (i.path in slow, i.path not in long, places[i.path], _is_slow(i)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Skip every test once the time in OVERNIGHT_TESTS_UNTIL, in seconds since 1970, is over."""
    if (until := os.environ.get("OVERNIGHT_TESTS_UNTIL")) and time.time() > float(until):
        pytest.skip("the time of the checks is over; `make test` runs it")


def _is_slow(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "server", "long"))


def _asked_by(item: pytest.Function) -> set[str]:
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {*item.fixturenames, *(value for value in parameters if isinstance(value, str))}


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty prefix on the server; the writer's credentials are in the environment."""
    for name, value in WRITER.environment(s3.endpoint).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{secrets.token_hex(8)}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server
