"""Randomly damaged files are found and named, and the ledger is whole again when they are restored."""

import pytest
from damages import DAMAGES, Bucket, Folder, Place, inject, make_ledger

from overnight.storage import LocalStore
from overnight.storage.stores.s3_store import S3Store

TIMES = {"directory": 25, "bucket": 4}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("where", TIMES)
def test_each_damage_is_found_and_named_and_nothing_else_is_lost(kind, where, tmp_path, request):
    place: Place = Folder(LocalStore(tmp_path))
    if where == "bucket":
        bucket, _, prefix = request.getfixturevalue("bucket").removeprefix("s3://").partition("/")
        place = Bucket(S3Store(bucket, f"{prefix}/"), request.getfixturevalue("s3").client())
    make_ledger(place)
    found = inject(place, kind, TIMES[where], seed=7)
    assert found.injected == TIMES[where]
    assert found.kept, found
