"""Open the ledger at the address in a campaign's file."""

from pathlib import Path

import pytest
from event_samples import started

from overnight.campaign.errors import InvalidDefinition, LedgerError
from overnight.flows.definition.campaign_file import read_campaign
from overnight.storage import ledger_location, open_ledger


@pytest.mark.parametrize("address", ["./ledger", "ledger", "{folder}/ledger", "file://{folder}/ledger"])
async def test_a_directory_is_found_by_any_of_its_addresses(tmp_path, address):
    url = address.format(folder=tmp_path)
    ledger = open_ledger(url, "bread", tmp_path)
    await ledger.append([started(1)], after=0)
    assert len(list((tmp_path / "ledger/bread/events").rglob("*.parquet"))) == 1
    assert ledger_location(url, "bread", tmp_path) == str(tmp_path / "ledger/bread")


async def test_two_campaigns_in_one_directory_do_not_see_each_other(tmp_path):
    await open_ledger("./ledger", "bread", tmp_path).append([started(1)], after=0)
    assert await open_ledger("./ledger", "cake", tmp_path).read() == ()


async def test_opening_and_reading_write_nothing(tmp_path):
    assert await open_ledger("./ledger", "bread", tmp_path).read() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_file_address_may_hold_escaped_characters(tmp_path):
    assert ledger_location("file:///srv/two%20words", "bread", tmp_path) == "/srv/two words/bread"


def test_the_home_directory_may_be_abbreviated(tmp_path):
    assert ledger_location("~/ledger", "bread", tmp_path) == str((Path.home() / "ledger/bread").resolve())


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", r"expected `s3://bucket`"),
        ("s3://key:s3cret@bucket/ledger", r"Credentials and endpoint are taken from the environment"),
        ("s3://bucket/ledger?secret=s3cret", r"Credentials and endpoint are taken from the environment"),
        ("ftp://host/ledger", r"expected a directory.*got the scheme `ftp`"),
        ("file://ledger/here", r"expected an absolute path.*got `ledger/here`"),
        ("file:///srv/a?b", r"expected `%3F` and `%23`"),
        ("s3:/bucket/ledger", r"expected `s3://` with two slashes"),
        ("s3://bucket/a//b", r"expected one `/` between the parts of a prefix, got `//`"),
        ("s3://bucket//a", r"got `//`"),
        ("s3://bucket/a//", r"got `//`"),
        ("s3://bucket/a\\b", r"got a backslash"),
        ("s3://bucket/a/../b", r"without .* and `\.\.`"),
        ("s3://bucket/./b", r"without .* and `\.\.`"),
        ("s3://bucket/a\nb", r"without control characters and line breaks, got one with '\\n'"),
        ("s3://bucket/a\x7fb", r"without control characters"),
        ("s3://bucket/a\u2028b", r"without control characters"),
        ("s3://bucket/e\u0301", r"Unicode NFC"),
        ("led\0ger", r"the character NUL"),
        ("file:///led%00ger", r"the character NUL"),
    ],
)
def test_an_address_that_is_no_directory_is_refused(tmp_path, url, says):
    with pytest.raises(LedgerError, match=says) as caught:
        open_ledger(url, "bread", tmp_path)
    assert "s3cret" not in str(caught.value)
    campaign = {"name": "bread", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    parts = {"budget": {"trials": 1}, "evaluator": "a:b", "ledger": url}
    with pytest.raises(InvalidDefinition, match=rf"^ledger: .*{says}"):
        read_campaign({**campaign, **parts})


@pytest.mark.parametrize("path", ["a//b", "a\\b", "./a/", "a/../b", "e\u0301", "A a", "a\nb"])
async def test_a_directory_of_any_name_gives_back_what_was_written(tmp_path, path):
    written = await open_ledger(path, "bread", tmp_path).append([started(1)], after=0)
    assert written == 1
    assert len(await open_ledger(path, "bread", tmp_path).read()) == 1


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("s3://bucket", "s3://bucket/bread"),
        ("s3://bucket/", "s3://bucket/bread"),
        ("S3://bucket/two words/ü/", "s3://bucket/two words/ü/bread"),
    ],
)
def test_a_bucket_holds_the_campaign_under_its_prefix(tmp_path, url, where):
    assert ledger_location(url, "bread", tmp_path) == where
