import pytest
from told_stories import Story, at

from overnight.report.pictures.charts import timeline_chart
from overnight.report.pictures.timeline import Span, attempt_spans, utilisation


def test_attempts_that_overlap_get_different_lanes_and_a_free_lane_is_used_again():
    story = Story().proposed(1, 0).proposed(2, 0).started(1, 0).started(2, 1).observed(1, 3, 1.0, seconds=180)
    story.proposed(3, 3).started(3, 3).observed(2, 5, 1.0, seconds=240)
    spans = attempt_spans(story.history, until=at(6))
    assert [(s.trial, s.lane, s.end) for s in spans] == [(1, 0, "observed"), (2, 1, "observed"), (3, 0, "running")]
    assert [(s.began, s.ended) for s in spans] == [(at(0), at(3)), (at(1), at(5)), (at(3), at(6))]


def test_a_failed_attempt_is_a_span_of_its_own():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 2, retry=True, seconds=120)
    story.started(1, 4, attempt=2).observed(1, 5, 1.0)
    assert [(s.attempt, s.began, s.ended, s.end, s.cause) for s in attempt_spans(story.history, until=at(9))] == [
        (1, at(0), at(2), "failed", "infrastructure"),
        (2, at(4), at(5), "observed", None),
    ]


def test_an_outcome_found_long_after_counts_only_its_own_seconds():
    story = Story().proposed(1, 0).started(1, 0).observed(1, 600, 1.0, seconds=120)
    assert attempt_spans(story.history, until=at(600))[0].ended == at(2)


def test_an_outcome_without_seconds_ends_when_it_was_written_down():
    story = Story().proposed(1, 0).started(1, 0).observed(1, 7, 1.0, seconds=0)
    assert attempt_spans(story.history, until=at(9))[0].ended == at(7)


def test_utilisation_is_the_share_of_the_workers_time_spent_on_attempts():
    story = Story().tried(1, 0, 1.0).proposed(2, 0).started(2, 0).observed(2, 4, 1.0, seconds=240)
    spans = attempt_spans(story.history, until=at(4))
    assert utilisation(spans, workers=2, active_seconds=240) == pytest.approx((60 + 240) / 480)
    assert utilisation([], workers=2, active_seconds=240) is None
    assert utilisation(spans, workers=2, active_seconds=0) is None


def test_an_attempt_that_a_rule_or_a_person_ended_did_not_fail_but_one_before_it_may_have():
    story = Story().proposed(1, 0).started(1, 0).stopped(1, 1).proposed(2, 0).started(2, 0).abandoned(2, 1, "too hot")
    story.proposed(3, 1).started(3, 1).failed(3, 2, retry=True).abandoned(3, 3, "too cold")
    spans = attempt_spans(story.history, until=at(9))
    assert [(s.trial, s.end, s.cause) for s in spans] == [
        (1, "stopped", None),
        (2, "abandoned", None),
        (3, "failed", "infrastructure"),
    ]
    assert attempt_spans(story.cancelled(2, 2).history, until=at(9))[1].end == "abandoned"


@pytest.mark.parametrize(("trials", "outlined"), [(100, 1), (101, 0)])
def test_bars_of_very_many_attempts_have_no_outline_that_would_hide_their_colours(trials: int, outlined: int):
    spans = [Span(i, 1, at(i), at(i + 1), "observed", None, lane=0) for i in range(trials)]
    [bars] = timeline_chart(spans, at(0))["data"]
    assert bars["marker"]["line"]["width"] == outlined
