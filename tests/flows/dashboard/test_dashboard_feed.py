"""The feed names a new version when the ledger has grown, and nothing is read while nobody looks."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest
from dashboards import append, dashboard, shown
from told_stories import Story, campaign_of
from until import until

from overnight.flows.api.place import place_of
from overnight.flows.dashboard.followed import seen_of
from overnight.flows.dashboard.reading import list_version
from overnight.flows.dashboard.watch import Watch
from overnight.storage import ParquetLedger, Segment
from overnight.storage.segments.chain import Chain


def versions(answer: httpx.Response) -> Iterator[str]:
    """Yield the versions in a feed."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))["version"]


def more(trial: int) -> Story:
    return Story().tried(trial, 10 * trial, 0.25 / trial)


@pytest.mark.parametrize("place", ["tmp_path", "bucket"])
def test_an_event_in_the_ledger_is_an_event_in_the_feed(place: str, request: pytest.FixtureRequest):
    address = request.getfixturevalue(place)
    append(address, "rates", Story().tried(1, 1, 0.5).events)
    with dashboard(str(address)) as served, served.client.stream("GET", "/campaigns/rates/feed") as answer:
        found = versions(answer)
        first = next(found)
        append(address, "rates", more(2).events[2:])
        assert next(found) != first
        assert "trial 2" in shown(served, "/campaigns/rates/parts/summary")


def test_the_feed_of_the_list_notices_a_new_campaign_and_a_new_event(tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    with dashboard(tmp_path) as served, served.client.stream("GET", "/feed") as answer:
        found = versions(answer)
        next(found)
        append(tmp_path, "others", Story().tried(1, 1, 0.5).events)
        assert any("others" in shown(served, "/parts/list") for _ in found)
        append(tmp_path, "others", more(2).events[2:])
        assert any("trial 2" in shown(served, "/parts/list") for _ in found)


def test_the_feed_of_the_list_notices_another_ledger_of_as_many_segments(tmp_path: Path):
    first, *others = Story().tried(1, 1, 0.5).events
    append(tmp_path, "rates", [first, *others])
    with dashboard(tmp_path) as served, served.client.stream("GET", "/feed") as answer:
        found = versions(answer)
        assert any("loss 0.5" in shown(served, "/parts/list") for _ in found)
        shutil.rmtree(tmp_path / "rates")
        first, *others = Story().tried(1, 1, 0.125).events
        append(tmp_path, "rates", [first.model_copy(update={"uid": "another"}), *others])
        assert any("loss 0.125" in shown(served, "/parts/list") for _ in found)


def test_one_look_at_the_list_reads_several_campaigns(tmp_path: Path):
    for number in range(20):
        append(tmp_path, f"rates-{number}", Story(campaign_of(name=f"rates-{number}")).tried(1, 1, 0.5).events)
    watching = Watch(place_of(str(tmp_path)))

    async def looks() -> None:
        for _ in range(5):
            await list_version(watching)

    asyncio.run(looks())
    assert [seen_of(watching.known(f"rates-{number}")).head for number in range(20)] == [1] * 20


@pytest.mark.parametrize("named", ["", "rates"], ids=["all campaigns", "one campaign"])
def test_a_server_reads_before_its_first_page_is_opened(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    read = Event()

    async def noticed(self: ParquetLedger, *rest: int, **more: int) -> list[Segment]:
        try:
            return await real(self, *rest, **more)
        finally:
            read.set()

    real = ParquetLedger.read
    monkeypatch.setattr(ParquetLedger, "read", noticed)
    with dashboard(tmp_path / named, ahead=True):
        assert read.wait(20)


def test_nothing_is_read_while_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    looks: list[int] = []
    newest = Chain.newest

    def counted(self: Chain, after: int) -> int:
        looks.append(after)
        return newest(self, after)

    with dashboard(tmp_path, every=0.01) as served:
        with served.client.stream("GET", "/campaigns/rates/feed") as answer:
            found = versions(answer)
            next(found)
            monkeypatch.setattr(Chain, "newest", counted)
            until(lambda: len(looks) > 3, "the ledger is looked at", 20)
        served.client.close()

        def quiet() -> bool:
            before = len(looks)
            # Without a feed, a page of another kind is answered and reads nothing.
            for _ in range(20):
                httpx.get(f"{served.address}/login")
            return len(looks) == before

        until(quiet, "nothing is read", 20)
        assert quiet()


def test_a_campaign_that_began_after_the_last_listing_is_found(tmp_path: Path):
    watching = Watch(place_of(str(tmp_path)), every=0.2)

    async def asked() -> bool:
        assert await watching.listed() == ((), "")
        await asyncio.to_thread(append, tmp_path, "rates", Story().tried(1, 1, 0.5).events)
        return await watching.followed("rates") is not None

    assert asyncio.run(asked())
