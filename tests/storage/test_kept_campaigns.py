"""The campaigns in a directory or a bucket are listed, even among files that belong to no ledger."""

import asyncio
from pathlib import Path

import pytest
from event_samples import NOON, started

from overnight.storage import KeptCampaign, kept_campaigns, open_ledger


@pytest.mark.parametrize("where", ["directory", "bucket"])
def test_campaigns_are_listed_with_how_far_they_are(where, tmp_path, request):
    place = str(tmp_path / "ledgers") if where == "directory" else request.getfixturevalue("bucket")
    assert kept_campaigns(place, Path()) == []
    names = ["bread", "bread 2", "ü, \U0001f35e", *(f"night-{i:03d}" for i in range(20))]
    for name in names:
        for number in (1, 2):
            asyncio.run(open_ledger(place, name, Path()).append([started(number)], after=number - 1))
    listed = [KeptCampaign(name, *open_ledger(place, name, Path()).head(), NOON) for name in sorted(names)]
    assert kept_campaigns(place, Path()) == listed
    assert {each.segments for each in listed} == {2}


def test_what_is_no_ledger_is_passed_over(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("hello")
    (tmp_path / "readme.txt").write_text("hello")
    assert kept_campaigns(str(tmp_path), Path()) == []


def test_a_damaged_ledger_is_listed_as_that_beside_the_others(tmp_path):
    for name in ("bread", "cake"):
        asyncio.run(open_ledger(str(tmp_path), name, Path()).append([started(1)], after=0))
    (tmp_path / "bread/events/00000/notes.txt").write_text("hello")
    bread, cake = kept_campaigns(str(tmp_path), Path())
    assert "notes.txt" in bread.damage
    assert cake == KeptCampaign("cake", *open_ledger(str(tmp_path), "cake", Path()).head(), NOON)
