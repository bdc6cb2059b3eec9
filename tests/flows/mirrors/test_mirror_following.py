"""A running campaign is mirrored by a thread of its own, which no server can keep from ending."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from standing import story_about
from told_stories import START, Story
from tracking_server import TrackingServer, tracking_server
from until import until

from overnight.campaign import History
from overnight.campaign.history.events import LeaseTaken
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.identity import process_started
from overnight.flows.mirrors.following import Following
from overnight.flows.mirrors.mirror import Mirror
from overnight.flows.mirrors.mlflow_server import MlflowServer


@pytest.fixture
def server() -> Iterator[TrackingServer]:
    with tracking_server() as running:
        yield running


class Heard:
    """The texts that a person is shown."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.any = threading.Event()

    def __call__(self, text: str) -> None:
        self.texts.append(text)
        self.any.set()


def ours(story: Story) -> Story:
    """Return a campaign whose controller is this process."""
    started = process_started(os.getpid())
    assert started is not None
    story.events[1] = LeaseTaken(
        time=START, actor="c", epoch=1, host=os.uname().nodename, pid=os.getpid(), started=started
    )
    return story


def tried() -> Story:
    return ours(Story()).tried(1, 0, 2.0).tried(2, 2, 1.0)


def following(server: TrackingServer, heard: Heard, timeout: float = 10.0) -> Following:
    found = Following(Mirror(MlflowServer(server.address, "rates", timeout)), SystemClock(), heard, pause=0.0)
    found.start()
    return found


def keys_at(server: TrackingServer) -> list[str]:
    return sorted(run["tags"]["overnight.run"] for run in server.runs.values())


def complete(server: TrackingServer, history: History) -> bool:
    """Return whether another mirror would find nothing to write."""
    with closing(Mirror(MlflowServer(server.address, "rates"))) as mirror:
        return mirror.bring_up_to(history, story_about(history)) == 0


def test_what_was_seen_until_the_end_is_at_the_server_with_the_report(server: TrackingServer, tmp_path: Path):
    heard, page = Heard(), tmp_path / "rates-report.html"
    page.write_text("<p>tuned</p>")
    watched, story = following(server, heard), tried()
    for count in range(2, len(story.events) + 1):
        watched.watch(History.from_events(story.events[:count]))
    watched.close(page, 30)
    assert keys_at(server) == ["1", "2", "campaign"]
    assert complete(server, story.history)
    assert [*server.artifacts.values()] == ["<p>tuned</p>"]
    assert heard.texts == []


def test_a_process_that_does_not_act_for_the_campaign_mirrors_nothing(server: TrackingServer):
    watched = following(server, Heard())
    watched.watch(Story().tried(1, 0, 1.0).history)
    watched.close(None, 30)
    assert server.requests == []


def test_a_server_that_is_down_is_reported_once_and_another_mirror_catches_up(server: TrackingServer):
    server.behaviour, heard, story = "broken", Heard(), tried()
    watched = following(server, heard)
    watched.watch(story.history)
    assert heard.any.wait(30)
    watched.watch(story.tried(3, 4, 0.5).history)
    watched.close(None, 30)
    first, last = heard.texts
    assert "it answered 500" in first
    assert "the mirror is tried again" in first
    assert "it answered 500" in last
    assert "`overnight mirror CAMPAIGN` writes the rest" in last
    assert server.runs == {}
    server.behaviour = "well"
    assert not complete(server, story.history)
    assert keys_at(server) == ["1", "2", "3", "campaign"]


def test_a_server_that_comes_back_has_everything_at_the_end(server: TrackingServer):
    server.behaviour, heard, story = "broken", Heard(), tried()
    watched = following(server, heard)
    watched.watch(story.history)
    assert heard.any.wait(30)
    server.behaviour = "well"
    watched.close(None, 30)
    assert complete(server, story.history)
    assert len(heard.texts) == 1


def test_a_run_that_ends_by_an_error_is_not_shown_as_running(server: TrackingServer):
    watched = following(server, Heard())
    watched.watch(tried().history)
    watched.close(None, 30)
    [parent] = [run for run in server.runs.values() if run["tags"]["overnight.run"] == "campaign"]
    assert parent["info"]["status"] != "RUNNING"


def test_after_another_controller_took_over_nothing_is_written_any_more(server: TrackingServer):
    watched, story = following(server, Heard()), tried()
    watched.watch(story.history)
    written = "overnight.written"
    until(lambda: [written in run["tags"] for run in [*server.runs.values()]] == [True] * 3, "all is written", 30)
    before = len(server.requests)
    taken = LeaseTaken(time=START, actor="c", epoch=2, host="elsewhere", pid=1, started="another/1")
    watched.watch(History.from_events([*story.events, taken]))
    watched.close(None, 30)
    assert len(server.requests) == before


def test_a_server_that_hangs_is_left_alone_at_the_end(server: TrackingServer):
    server.behaviour, heard = "hang", Heard()
    watched = following(server, heard)
    watched.watch(tried().history)
    watched.close(None, 0.05)
    [text] = heard.texts
    assert "did not accept the rest" in text
    server.released.set()


def test_a_report_that_cannot_be_read_is_named(server: TrackingServer):
    heard = Heard()
    watched = following(server, heard)
    watched.watch(ours(Story()).history)
    watched.close(Path("/nowhere/report.html"), 30)
    assert keys_at(server) == ["campaign"]
    assert "FileNotFoundError" in heard.texts[0]
