"""Files that controllers and workers leave for each other next to a ledger, in a directory and in a bucket."""

import asyncio
from pathlib import Path

import pytest
from event_samples import sample

from overnight.storage import Mailbox, open_ledger, open_mailboxes, verify


@pytest.fixture(params=["directory", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "ledger") if request.param == "directory" else request.getfixturevalue("bucket")


def mailbox(url: str, key: str = "night-1a2b/3/1") -> Mailbox:
    return open_mailboxes(url, "night", Path()).of(key)


async def test_of_several_that_leave_the_same_name_one_does_and_its_text_stays(url):
    left = await asyncio.gather(*(mailbox(url).put("claim", f"mine, {n}") for n in range(4)))
    assert sorted(left) == [False, False, False, True]
    assert await mailbox(url).get("claim") == f"mine, {left.index(True)}"


async def test_a_sign_of_life_takes_the_place_of_the_one_before(url):
    box = mailbox(url)
    assert await box.get("beat") is None
    for count in ("1", "2"):
        await box.replace("beat", count)
    assert await box.get("beat") == "2"


async def test_each_attempt_has_its_own(url):
    await mailbox(url).put("claim", "a")
    await mailbox(url).put("reports-000000", "b")
    assert await mailbox(url).names() == ("claim", "reports-000000")
    assert await mailbox(url, "night-1a2b/3/11").names() == ()


async def test_the_ledger_beside_it_is_whole_and_reads_as_before(url):
    ledger = open_ledger(url, "night", Path())
    event = sample("campaign_defined")
    await ledger.append([event], after=0)
    await mailbox(url).put("claim", "a")
    [segment] = await ledger.read()
    assert segment.events == (event,)
    assert (await asyncio.to_thread(verify, ledger)).segment == 1
