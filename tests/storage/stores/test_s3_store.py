"""Objects in a real S3 server: never replaced after their creation, even if answers are lost or altered."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from botocore.exceptions import ClientError
from event_samples import EVENTS, started
from fault_proxy import FAULTS, FaultProxy, fault_proxy
from s3_server import AUDITOR, BUCKET, WRITER, Credentials, S3Server, s3_server
from s3fs import S3FileSystem

from overnight.campaign.errors import LedgerError
from overnight.storage import ParquetLedger, open_ledger, verify
from overnight.storage.sql import query
from overnight.storage.stores.s3_store import S3Store
from overnight.storage.stores.store import ObjectExists, ObjectMissing


@pytest.fixture
def prefix(bucket: str) -> str:
    return bucket.removeprefix(f"s3://{BUCKET}/") + "/"


@pytest.fixture
def store(prefix: str) -> S3Store:
    return S3Store(BUCKET, prefix)


@pytest.fixture
def become(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[Credentials], None]:
    """Return a function that puts other credentials into the environment."""

    def put(who: Credentials) -> None:
        for name, value in who.environment(s3.endpoint).items():
            monkeypatch.setenv(name, value)

    return put


@pytest.fixture
def proxy(s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with fault_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy


def test_what_is_replaced_is_there_whole(store):
    for data in (b"first", b"second, and longer"):
        store.replace("a", data)
        assert store.get("a") == data


def test_an_object_is_kept_under_its_key(store):
    with pytest.raises(ObjectMissing):
        store.get("a/1")
    store.create("a/1", b"first")
    assert store.get("a/1") == b"first"


def test_an_object_is_never_replaced(store):
    store.create("a/1", b"first")
    with pytest.raises(ObjectExists):
        store.create("a/1", b"second")
    assert store.get("a/1") == b"first"


def test_of_several_that_create_the_same_key_one_wins(store):
    def create(value: bytes) -> bool:
        try:
            store.create("a/1", value)
        except ObjectExists:
            return False
        return True

    values = [str(n).encode() for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = [value for value, ok in zip(values, pool.map(create, values), strict=True) if ok]
    assert won == [store.get("a/1")]


def test_keys_are_listed_in_order_within_their_folder(store):
    for key in ("b/00/2", "b/00/1", "b/01/3", "bb/1", "c d/ü #?&=%41"):
        store.create(key, b"")
    assert store.keys("b/") == ("b/00/1", "b/00/2", "b/01/3")
    assert store.keys("b/", start_after="b/00/1") == ("b/00/2", "b/01/3")
    assert store.keys("c d/") == ("c d/ü #?&=%41",)
    assert store.keys("nothing/") == ()


def test_a_listing_of_several_pages_is_whole(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.create(f"many/{n:05d}", b""), range(1101)))
    assert store.keys("many/") == tuple(f"many/{n:05d}" for n in range(1101))
    assert store.keys("many/", start_after="many/00049") == tuple(f"many/{n:05d}" for n in range(50, 1101))


def test_a_proof_leaves_nothing_behind(store):
    store.prove("bread/")
    assert store.keys("bread/") == ()


class KeepsAll(S3Store):
    """A store whose credentials may not delete."""

    async def _call(self, operation, **arguments):
        if operation == "delete_object":
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)
        return await super()._call(operation, **arguments)


def test_who_may_not_delete_can_create_a_ledger_and_leaves_a_probe(prefix, store):
    KeepsAll(BUCKET, prefix).prove("bread/")
    [probe] = store.keys("bread/")
    assert store.get(probe) == b"first"


class Busy(S3Store):
    """A store that answers twice that it is busy, with a code of its own, before it works."""

    def __init__(self, prefix: str, status: int, code: str) -> None:
        super().__init__(BUCKET, prefix)
        self.refusals = [{"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}] * 2

    async def _call(self, operation, **arguments):
        if self.refusals:
            raise ClientError(self.refusals.pop(), operation)
        return await super()._call(operation, **arguments)


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "XMinioServerNotInitialized"), (502, "BadGateway"), (429, "TooManyRequests"), (400, "RequestTimeout")],
)
def test_a_store_that_is_busy_is_asked_again(prefix, store, status, code):
    Busy(prefix, status, code).create("a/1", b"once")
    assert store.get("a/1") == b"once"


class Overwriting(S3Store):
    """A store that ignores the condition, as some servers do."""

    async def _call(self, operation, **arguments):
        arguments.pop("IfNoneMatch", None)
        return await super()._call(operation, **arguments)


async def test_a_store_that_overwrites_is_refused_when_a_ledger_is_created(prefix):
    ledger = ParquetLedger(Overwriting(BUCKET, prefix), "bread/")
    with pytest.raises(LedgerError, match=r"expected a store that keeps an object.*found one that overwrites it"):
        await ledger.append([started(1)], after=0)
    assert await ledger.read() == ()


@pytest.mark.parametrize("folded", ["a//b/", "a\\b/"])
async def test_a_store_that_changes_names_is_refused_when_a_ledger_is_created(prefix, folded):
    ledger = ParquetLedger(S3Store(BUCKET, prefix + folded), "bread/")
    with pytest.raises(LedgerError, match=r"expected a store that lists a new object under its own key.*found nothing"):
        await ledger.append([started(1)], after=0)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("times", [1, 2])
async def test_an_append_whose_answer_is_spoilt_is_made_once(proxy, bucket, fault, times):
    ledger = open_ledger(bucket, "bread", Path())
    await ledger.append(EVENTS, after=0)
    before = len(proxy.seen)
    proxy.spoil("PUT", *[fault] * times)
    assert await ledger.append([started(2)], after=1) == 2
    assert [f for method, _, f in proxy.seen[before:] if method == "PUT"][:times] == [fault] * times
    assert [segment.number for segment in await ledger.read()] == [1, 2]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_reading_whose_answer_is_spoilt_is_read_again(proxy, bucket, fault):
    ledger = open_ledger(bucket, "bread", Path())
    await ledger.append([started(1)], after=0)
    proxy.spoil("GET", fault, fault)
    [segment] = await ledger.read()
    assert segment.events == (started(1),)


def test_another_writers_object_is_not_taken_for_ones_own_after_a_lost_answer(proxy, store):
    store.create("a/1", b"another's")
    proxy.spoil("PUT", "cut before")
    with pytest.raises(ObjectExists):
        store.create("a/1", b"mine")


@pytest.mark.slow
def test_a_store_that_dies_and_comes_back_is_waited_for(monkeypatch):
    with s3_server() as server:
        for name, value in WRITER.environment(server.endpoint).items():
            monkeypatch.setenv(name, value)
        store = S3Store(BUCKET, "")
        store.create("a/1", b"before")
        server.kill()
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(store.create, "a/2", b"meanwhile")
            server.start()
            writing.result(60)
        assert store.get("a/2") == b"meanwhile"


def test_a_store_that_never_answers_is_named(bucket, prefix, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = S3Store(BUCKET, prefix, patience=0.2)
    with pytest.raises(LedgerError, match=rf"cannot list `s3://{BUCKET}/.*does not answer.*AWS_ENDPOINT_URL"):
        store.keys("a/")


@pytest.mark.parametrize(
    ("who", "says"),
    [
        (Credentials(WRITER.key, "wr0ng-s3cret"), "SignatureDoesNotMatch.*does not belong"),
        (Credentials("nob0dy", "wr0ng-s3cret"), "InvalidAccessKeyId.*does not know"),
    ],
)
def test_wrong_credentials_are_refused_and_not_repeated(bucket, prefix, become, who, says):
    become(who)
    with pytest.raises(LedgerError, match=says) as caught:
        S3Store(BUCKET, prefix).create("a/1", b"")
    assert who.key not in str(caught.value)
    assert who.secret not in str(caught.value)


def test_missing_credentials_are_named(bucket, prefix, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(LedgerError, match=r"no credentials were found.*AWS_PROFILE"):
        S3Store(BUCKET, prefix).get("a/1")


def test_credentials_of_a_profile_are_found(s3, bucket, prefix, monkeypatch, tmp_path):
    for name in WRITER.environment(s3.endpoint):
        monkeypatch.delenv(name)
    config, shared = tmp_path / "config", tmp_path / "credentials"
    config.write_text(f"[profile night]\nendpoint_url = {s3.endpoint}\nregion = us-east-1\n")
    shared.write_text(f"[night]\naws_access_key_id = {WRITER.key}\naws_secret_access_key = {WRITER.secret}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    monkeypatch.setenv("AWS_PROFILE", "night")
    store = S3Store(BUCKET, prefix)
    store.create("a/1", b"seen")
    assert store.get("a/1") == b"seen"


def test_one_who_may_only_read_reads_and_cannot_write(store, prefix, become):
    store.create("a/1", b"seen")
    become(AUDITOR)
    reader = S3Store(BUCKET, prefix)
    assert reader.get("a/1") == b"seen"
    assert reader.keys("a/") == ("a/1",)
    with pytest.raises(LedgerError, match=r"cannot write.*AccessDenied.*let these credentials get, put and list"):
        reader.create("a/2", b"")


async def test_one_who_may_only_read_verifies_and_asks_in_sql(bucket, become):
    await open_ledger(bucket, "bread", Path()).append(EVENTS, after=0)
    become(AUDITOR)
    ledger = open_ledger(bucket, "bread", Path())
    assert verify(ledger).events == len(EVENTS)
    assert query(ledger, "select count(*) from events").rows == [(len(EVENTS),)]
    with pytest.raises(LedgerError, match="AccessDenied"):
        await ledger.append([started(2)], after=1)


async def test_plain_duckdb_reads_the_files_with_a_key_that_may_only_read(s3, bucket, become):
    for number in (1, 2, 3):
        await open_ledger(bucket, "bread", Path()).append([started(number)], after=number - 1)
    become(AUDITOR)
    with duckdb.connect() as connection:
        connection.register_filesystem(S3FileSystem(skip_instance_cache=True))
        files = f"{bucket}/bread/events/*/*.parquet"
        found = connection.sql(f"select trial, event_id, key from '{files}' order by segment, position").fetchall()
    assert found == [(n, f"attempt_started/{n}/1", str(n)) for n in (1, 2, 3)]


def test_a_missing_bucket_is_named(bucket):
    nowhere = f"none-{secrets.token_hex(8)}"
    with pytest.raises(LedgerError, match=rf"s3://{nowhere}/a/1`: NoSuchBucket. Create the bucket"):
        S3Store(nowhere, "").get("a/1")
    # Some servers give only this answer to users who may not create buckets.
    with pytest.raises(LedgerError, match=rf"s3://{nowhere}/a/1`: AccessDenied. Check that the bucket exists"):
        S3Store(nowhere, "").create("a/1", b"")
