"""What people ask of a campaign, folded: in force until it is taken back, and never counted as time at work."""

from test_history import at, defined, leased, proposed, started

from campaign import History
from campaign.events import CampaignAskedToStop, CampaignDrained, CampaignPaused, CampaignResumed


def paused(request: int, seconds: float = 0) -> CampaignPaused:
    return CampaignPaused(time=at(seconds), actor="ada@home", request=request, why="lunch")


def resumed(request: int, seconds: float = 0) -> CampaignResumed:
    return CampaignResumed(time=at(seconds), actor="ada@home", request=request)


def asked(epoch: int, *, at_once: bool = False) -> CampaignAskedToStop:
    return CampaignAskedToStop(time=at(0), actor="ada@home", epoch=epoch, at_once=at_once)


def test_a_pause_holds_until_it_is_taken_back_and_also_for_the_next_controller():
    events = [defined(), leased(1), paused(1), leased(2)]
    assert History.from_events(events).paused == paused(1)
    assert History.from_events([*events, resumed(2)]).paused is None


def test_a_request_that_is_written_twice_is_one():
    history = History.from_events([defined(), leased(1), paused(1), resumed(2), paused(1)])
    assert history.paused is None
    assert history.requests == 2
    assert history.events == 4


def test_a_request_to_stop_is_of_its_own_epoch_and_a_weaker_one_changes_nothing():
    drain, at_once = asked(1), asked(1, at_once=True)
    assert History.from_events([defined(), leased(1), drain]).asked_to_stop == drain
    assert History.from_events([defined(), leased(1), at_once, drain]).asked_to_stop == at_once
    assert History.from_events([defined(), leased(2), drain]).asked_to_stop is None
    assert History.from_events([defined(), leased(1), drain, leased(2)]).asked_to_stop is None
    closed = CampaignDrained(time=at(0), actor="c", epoch=1, reason="enough")
    assert History.from_events([defined(), leased(1), closed, drain]).asked_to_stop is None


def test_the_time_in_which_a_pause_left_nothing_to_do_is_no_time_at_work():
    events = [defined(), leased(1), paused(1, 10), resumed(2, 1000), proposed(1, 1010), started(1, seconds=1015)]
    assert History.from_events(events).active_seconds == 5


def test_an_evaluation_that_went_on_through_a_pause_was_at_work():
    running = [defined(), leased(1), proposed(1, 0), started(1, seconds=0)]
    events = [*running, paused(1, 10), resumed(2, 1000), proposed(2, 1010)]
    assert History.from_events(events).active_seconds == 1010
