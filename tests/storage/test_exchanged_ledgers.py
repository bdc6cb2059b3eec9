"""A ledger that is exchanged or removed under a running controller: nothing is appended to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from damages import Bucket, Files, Folder, Place
from event_samples import started

from overnight.campaign.errors import LedgerDamaged, LedgerError
from overnight.storage import LocalStore, ObjectStore, ParquetLedger, verify
from overnight.storage.address import bucket_and_prefix
from overnight.storage.segments.segment_file import digest, encode
from overnight.storage.stores.s3_store import S3Store
from overnight.storage.stores.store import Object

FIRST, SECOND, THIRD = (f"events/00000/{number:020d}.parquet" for number in (1, 2, 3))


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Folder(LocalStore(tmp_path)) if request.param == "directory" else request.getfixturevalue("in_bucket")


@pytest.fixture
def in_bucket(request: pytest.FixtureRequest) -> Bucket:
    store = S3Store(*bucket_and_prefix(request.getfixturevalue("bucket")))
    return Bucket(store, request.getfixturevalue("s3").client())


async def begun(place: Place, store: ObjectStore | None = None) -> ParquetLedger:
    """Return a ledger that has appended two segments."""
    ledger = ParquetLedger(store or place.store, "bread/")
    for number in (1, 2):
        await ledger.append([started(number)], after=number - 1)
    return ledger


class Interfering:
    """A store whose objects are changed from outside immediately before the next object is created."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.interfere: Callable[[], None] = lambda: None
        self.location = store.location
        self.prove, self.get, self.replace = store.prove, store.get, store.replace
        self.keys, self.folders = store.keys, store.folders

    def create(self, key: str, data: bytes, *, after: Object | None = None) -> None:
        self.interfere()
        self._store.create(key, data, after=after)


def another_second(files: Files) -> bytes:
    """Return another segment that could follow the first one."""
    return encode(2, [started(22)], digest(files[FIRST])).data


def flipped(files: Files) -> bytes:
    """Return the second segment's file with one other bit and the same length."""
    data = bytearray(files[SECOND])
    data[len(data) // 2] ^= 1
    return bytes(data)


@pytest.mark.parametrize("instead", [another_second, flipped, lambda files: files[SECOND][:-100]])
async def test_nothing_is_appended_after_a_segment_that_was_exchanged(place, instead):
    ledger = await begun(place)
    exchanged = {**place.read(), SECOND: instead(place.read())}
    place.write({SECOND: exchanged[SECOND]})
    with pytest.raises(LedgerDamaged, match=rf"{SECOND}.*expected the same bytes as before, found other bytes"):
        await ledger.append([started(3)], after=2)
    assert place.read() == exchanged


@pytest.mark.parametrize("removed", [[SECOND], [FIRST, SECOND]])
async def test_nothing_is_appended_to_a_ledger_that_was_removed(place, removed):
    ledger = await begun(place)
    place.write(dict.fromkeys(removed))
    with pytest.raises(LedgerError, match=rf"{SECOND}.*Was the ledger moved or deleted"):
        await ledger.append([started(3)], after=2)
    assert SECOND not in place.read()
    assert THIRD not in place.read()


async def test_an_exchange_while_a_segment_is_encoded_is_noticed(place):
    store = Interfering(place.store)
    ledger = await begun(place, store)
    store.interfere = lambda: place.write({SECOND: another_second(place.read())})
    with pytest.raises(LedgerDamaged, match="expected the same bytes as before"):
        await ledger.append([started(3)], after=2)
    assert THIRD not in place.read()


async def test_the_same_bytes_put_back_are_no_exchange(place):
    ledger = await begun(place)
    files = place.read()
    place.write({SECOND: None})
    place.write({SECOND: files[SECOND]})
    assert await ledger.append([started(3)], after=2) == 3
    assert verify(ledger).segment == 3


class Recording(S3Store):
    """A store that records the keys of downloaded segments."""

    def __init__(self, bucket: str, prefix: str) -> None:
        super().__init__(bucket, prefix)
        self.downloaded: list[str] = []

    async def _download(self, key: str, **condition: str) -> bytes:
        data = await super()._download(key, **condition)
        self.downloaded += [key] if "/events/" in key else []
        return data


@pytest.fixture
def recording(in_bucket: Bucket) -> Recording:
    return Recording(*bucket_and_prefix(in_bucket.store.location))


async def test_appends_to_a_bucket_download_nothing(in_bucket, recording):
    await begun(in_bucket, recording)
    assert recording.downloaded == []


async def test_an_object_whose_etag_is_not_the_md5_of_its_bytes_is_compared_byte_by_byte(in_bucket, recording):
    ledger = await begun(in_bucket, recording)
    put_in_parts(in_bucket, SECOND, in_bucket.read()[SECOND])
    assert await ledger.append([started(3)], after=2) == 3
    assert recording.downloaded == [f"bread/{SECOND}"]
    put_in_parts(in_bucket, THIRD, another_second(in_bucket.read()))
    with pytest.raises(LedgerDamaged, match="expected the same bytes as before"):
        await ledger.append([started(4)], after=3)


def put_in_parts(place: Bucket, name: str, data: bytes) -> None:
    """Replace a file by a multipart upload, which gives it an ETag of another kind."""
    bucket, prefix = bucket_and_prefix(place.store.location)
    where = {"Bucket": bucket, "Key": f"{prefix}bread/{name}"}
    upload = {**where, "UploadId": place.client.create_multipart_upload(**where)["UploadId"]}
    part = {"PartNumber": 1, "ETag": place.client.upload_part(**upload, PartNumber=1, Body=data)["ETag"]}
    place.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert place.client.head_object(**where)["ETag"].endswith('-1"')
