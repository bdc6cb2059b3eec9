"""Hundreds of campaigns in one place: each is listed, opens and is whole by itself, and costs no more than alone."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from event_samples import NOON, started
from fault_proxy import fault_proxy
from s3_server import BUCKET, S3Server
from typer.testing import CliRunner

from overnight.flows.cli import app
from overnight.storage import open_ledger, verify
from overnight.storage.segments.segment_file import GENESIS, digest, encode

CAMPAIGNS = 300
SEGMENTS = 2
NAMES = [f"night-{number:04d}" for number in range(CAMPAIGNS)]
AT_ONCE = 16
# The cost of verifying does not grow with the number of campaigns, so a sample is enough.
VERIFIED = NAMES[::20]


def files_of(name: str) -> dict[str, bytes]:
    """Return the files of a campaign's ledger, so that it can be put in place at once."""
    files, previous = {}, GENESIS
    for number in range(1, SEGMENTS + 1):
        data = encode(number, [started(number, name)], previous).data
        files[f"{name}/events/00000/{number:020d}.parquet"] = data
        previous = digest(data)
    return files


def put_in_folder(folder: Path, name: str) -> None:
    for key, data in files_of(name).items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "directory":
        for name in NAMES:
            put_in_folder(tmp_path, name)
        return str(tmp_path)
    url: str = request.getfixturevalue("bucket")
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = request.getfixturevalue("s3").client()

    def put(name: str) -> None:
        for key, data in files_of(name).items():
            client.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=data)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, NAMES))
    return url


@pytest.mark.slow
def test_hundreds_of_campaigns_are_listed_and_each_is_whole_by_itself(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = CliRunner().invoke(app, ["campaigns", place], catch_exceptions=False).output
    rows = [[cell.strip() for cell in line.split("│")[1:4]] for line in said.splitlines() if "night-" in line]
    assert rows == [[name, str(SEGMENTS), f"{NOON.astimezone():%Y-%m-%d %H:%M:%S}"] for name in NAMES]
    for name in VERIFIED:
        ledger = open_ledger(place, name, Path())
        assert verify(ledger).events == SEGMENTS
        assert [segment.events for segment in asyncio.run(ledger.read())] == [
            (started(number, name),) for number in range(1, SEGMENTS + 1)
        ]


@pytest.mark.slow
def test_a_campaign_among_many_costs_what_it_costs_alone(s3: S3Server, bucket: str, monkeypatch):
    def requests_of(names: list[str]) -> Counter[tuple[str, str]]:
        """Return the requests to the store for reading, verifying and appending to the first of these campaigns."""
        place = f"{bucket}/{len(names)}"
        for name in names:
            asyncio.run(open_ledger(place, name, Path()).append([started(1, name)], after=0))
        before, listed = len(proxy.seen), len(proxy.listed)
        ledger = open_ledger(place, names[0], Path())
        asyncio.run(ledger.read())
        asyncio.run(ledger.append([started(2)], after=1))
        verify(ledger)
        own = f"{place.removeprefix(f's3://{BUCKET}/')}/{names[0]}/"
        asked = [(method, path.removeprefix(f"/{BUCKET}").lstrip("/")) for method, path, _ in proxy.seen[before:]]
        # A listing names its folder in its query.
        assert all(path.startswith(own) for _, path in asked if path)
        assert all(prefix.startswith(own) for prefix in proxy.listed[listed:])
        return Counter((method, path.removeprefix(own)) for method, path in asked)

    with fault_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        alone, among = requests_of(NAMES[:1]), requests_of(NAMES[:30])
    assert among == alone
