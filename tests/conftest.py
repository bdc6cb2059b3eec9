"""What all tests share: an S3 server, a PostgreSQL, and properties that are not failed for the load of the machine."""

import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings
from postgres_server import PostgresServer, postgres_server
from s3_server import BUCKET, WRITER, S3Server, s3_server

settings.register_profile("overnight", deadline=None)
settings.load_profile("overnight")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty place in the server, with the writer's credentials in the environment."""
    for name, value in WRITER.environment(s3.endpoint).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{secrets.token_hex(8)}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server
