"""Writers in separate processes, racing and being killed: no acknowledged append is lost."""

import random

import pytest
from fault_proxy import FAULTS, fault_proxy
from killed_writers import Tally, run_writers
from s3_server import S3Server

# `make faults` injects far more.
KILLS = 8


def assert_kept(tally: Tally) -> None:
    assert tally.kept, tally
    # Each kill may have hit a writer that had committed a segment but not yet printed its number.
    assert 0 <= tally.segments - tally.acknowledged <= tally.injected + 4


@pytest.mark.slow
@pytest.mark.parametrize("where", ["directory", "bucket"])
def test_nothing_that_was_acknowledged_is_lost_when_writers_are_killed(where, tmp_path, request):
    place = str(tmp_path) if where == "directory" else request.getfixturevalue("bucket")
    assert_kept(run_writers(place, KILLS, None, seed=1))


@pytest.mark.slow
def test_nothing_is_lost_and_no_number_given_twice_when_the_network_spoils_requests(s3: S3Server, bucket, monkeypatch):
    with fault_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)

        def spoil(dice: random.Random) -> None:
            proxy.spoil(dice.choice(["PUT", "GET"]), dice.choice(FAULTS))

        assert_kept(run_writers(bucket, KILLS, spoil, seed=2))
