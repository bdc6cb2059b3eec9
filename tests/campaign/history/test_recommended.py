"""A recorded recommendation holds until an event that may change it."""

import pytest
from history_events import DEFINITION, at, defined, leased, observed, proposed, started
from recommendations import recommendation

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import (
    AttemptFailed,
    CampaignFinished,
    CampaignPaused,
    CampaignRevised,
    Event,
    LossAccepted,
    MeasurementReported,
    RecommendationMade,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialRejected,
)

BEFORE: list[Event] = [defined(), leased(1), proposed(1), started(1), observed(1), proposed(2), started(2)]
FINISHED = CampaignFinished(time=at(0), actor="c", epoch=1, because="trials", reason="enough")


def made(events_seen: int = len(BEFORE), trial: int = 1) -> RecommendationMade:
    found = recommendation(trial=trial, mean=1.0, sd=0.1, probability_best=1.0, point={"heat": 1.0}, metric="burnt")
    return RecommendationMade(time=at(9), actor="c", events_seen=events_seen, recommendation=found)


def held(*later: Event) -> RecommendationMade | None:
    return History.from_events([*BEFORE, made(), *later]).recommendation


def failed(trial: int) -> TrialFailed:
    return TrialFailed(time=at(0), actor="c", trial=trial, attempt=1, cause="timeout", message="")


def reported(step: int) -> MeasurementReported:
    metrics = {"burnt": Measurement(mean=1.0)}
    return MeasurementReported(time=at(0), actor="c", trial=2, attempt=1, step=step, metrics=metrics)


@pytest.mark.parametrize(
    "later",
    [
        observed(2),
        failed(2),
        reported(1),
        TrialAbandoned(time=at(0), actor="ada", trial=2, why=""),
        TrialRejected(time=at(0), actor="ada", trial=2, why=""),
        CampaignRevised(time=at(0), actor="ada", revision=1, definition=DEFINITION),
    ],
    ids=lambda event: event.kind,
)
def test_an_event_that_may_change_it_ends_it(later):
    assert held(FINISHED, later) is None


@pytest.mark.parametrize(
    "later",
    [
        FINISHED,
        leased(2),
        proposed(3),
        started(2, attempt=2),
        observed(1),
        TrialApproved(time=at(0), actor="ada", trial=2, why=""),
        AttemptFailed(time=at(0), actor="c", trial=2, attempt=1, cause="timeout", message="", will_retry=True),
        CampaignPaused(time=at(0), actor="ada", request=1),
        LossAccepted(time=at(0), actor="ada", segment=1, hash="0", why=""),
    ],
    ids=lambda event: event.kind,
)
def test_any_other_event_leaves_it_in_force(later):
    assert held(later) == made()


def test_one_that_did_not_see_the_newest_result_does_not_hold():
    assert History.from_events([*BEFORE, observed(2), made()]).recommendation is None


def test_the_newest_one_holds_and_an_older_one_that_comes_later_changes_nothing():
    events = [*BEFORE, observed(2), made(len(BEFORE) + 1, trial=2), made()]
    assert History.from_events(events).recommendation == made(len(BEFORE) + 1, trial=2)


def test_an_event_that_is_written_twice_counts_in_the_number_of_events_read():
    events = [*BEFORE, *BEFORE, made(2 * len(BEFORE))]
    assert History.from_events(events).recommendation is not None
    assert History.from_events(events) != History.from_events(BEFORE)
