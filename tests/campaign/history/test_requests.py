"""People's requests in a history: in force until withdrawn, and never counted as working time."""

from history_events import at, defined, leased, observed, proposed, started

from overnight.campaign import History
from overnight.campaign.history.events import (
    CampaignAskedToStop,
    CampaignDrained,
    CampaignPaused,
    CampaignResumed,
    TrialApproved,
    TrialProposed,
)


def paused(request: int, seconds: float = 0) -> CampaignPaused:
    return CampaignPaused(time=at(seconds), actor="ada@home", request=request, why="lunch")


def resumed(request: int, seconds: float = 0) -> CampaignResumed:
    return CampaignResumed(time=at(seconds), actor="ada@home", request=request)


def asked(epoch: int, *, at_once: bool = False) -> CampaignAskedToStop:
    return CampaignAskedToStop(time=at(0), actor="ada@home", epoch=epoch, at_once=at_once)


def parked(trial: int, seconds: float) -> TrialProposed:
    return proposed(trial, seconds).model_copy(update={"parked": True})


def approved(trial: int, seconds: float) -> TrialApproved:
    return TrialApproved(time=at(seconds), actor="ada@home", trial=trial, why="")


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


def test_the_time_in_which_all_that_is_outstanding_awaits_approval_is_no_time_at_work():
    waiting = [defined(), leased(1), parked(1, 10), parked(2, 20)]
    assert History.from_events(waiting).waits_for_people
    approval = [
        *waiting,
        approved(1, 1000),
        started(1, seconds=1010),
        observed(1).model_copy(update={"time": at(1015)}),
    ]
    assert History.from_events(approval).active_seconds == 10 + 5
    one_by_one = History()
    for event in approval:
        one_by_one = one_by_one.extended([event])
    assert one_by_one == History.from_events(approval)


def test_while_something_else_is_outstanding_what_awaits_approval_takes_no_time_away():
    events = [defined(), leased(1), parked(1, 10), proposed(2, 20), started(2, seconds=30)]
    history = History.from_events([*events, approved(1, 1000), started(1, seconds=1030)])
    assert not history.waits_for_people
    assert history.active_seconds == 1030 - 10


def test_a_controller_that_ends_while_it_waits_for_people_was_not_at_work_meanwhile():
    drained = CampaignDrained(time=at(1000), actor="c", epoch=1, reason="asked to stop")
    assert History.from_events([defined(), leased(1), parked(1, 10), drained]).active_seconds == 10
    proposed_first = [defined(), leased(1), proposed(1, 5), observed(1).model_copy(update={"time": at(7)})]
    assert History.from_events([*proposed_first, paused(1, 10), drained]).active_seconds == 7
