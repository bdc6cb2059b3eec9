"""The story of a campaign is a value that JSON holds."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from provenances import altered
from read_ledgers import events_of
from recommendations import recommendation
from standing import status_lines, story_about
from told_stories import HOSTILE, POINT, Story, at, campaign_of

from overnight.campaign import History
from overnight.campaign.evaluation import Cause, cause_text
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptUnknown,
    CampaignAskedToStop,
    CampaignRevised,
    Event,
    TrialFailed,
    TrialProposed,
)
from overnight.campaign.history.trial import Status
from overnight.campaign.values.harmless import harmless_json
from overnight.report.finding import standing_sentence
from overnight.report.statuses import LOOKS
from overnight.report.story import Story as Told
from overnight.storage import LocalStore, ParquetLedger, open_ledger

OLD = Path(__file__).parents[1] / "storage" / "old_ledgers"
FOUND = recommendation(trial=1, point=POINT, mean=1.0, sd=0.1, probability_best=0.9, baseline_mean=1e-9, baseline_sd=0)


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def assert_survives_json(told: Told) -> None:
    """Fail unless strict JSON gives the story back, as `overnight status --format json` prints it."""
    text = harmless_json(told.model_dump_json(indent=2))
    json.loads(text, parse_constant=refuse)
    assert Told.model_validate_json(text) == told


def failed_by(story: Story, trial: int, cause: Cause) -> None:
    """Add a trial that failed."""
    story.proposed(trial, trial).started(trial, trial)
    about: dict[str, Any] = {"time": at(trial + 1), "actor": "controller", "trial": trial, "attempt": 1, "cause": cause}
    story.events.append(AttemptFailed(**about, message=f"case {trial}", will_retry=False))
    story.events.append(TrialFailed(**about, message=f"case {trial}"))


def every_status() -> Story:
    """Return a campaign with a trial of each status."""
    story = Story(campaign_of(approve="always")).tried(1, 0, mean=1.0).proposed(2, 1).started(2, 1).failed(2, 2)
    story.proposed(3, 3).started(3, 3).stopped(3, 4).proposed(4, 4).started(4, 4).abandoned(4, 5, HOSTILE)
    story.parked(5, 5, "far").rejected(5, 6, "too far").parked(6, 6, HOSTILE).proposed(7, 6).started(7, 6)
    return story.proposed(8, 7)


def test_every_status_of_a_trial_is_in_the_story_and_in_its_renderings():
    story = every_status()
    told = story_about(story.history)
    assert dict(told.spent.trials) == Counter(get_args(Status))
    counts, page = next(line for line in status_lines(story.history) if "observed" in line), standing_sentence(told)
    for status in get_args(Status):
        assert f"1 {LOOKS[status].words}" in counts
        assert f"1 {LOOKS[status].words}" in page or status == "observed"
    assert_survives_json(told)


def test_every_cause_of_failure_is_in_the_story_with_its_newest_trial():
    story, causes = Story(campaign_of(budget={"trials": 30})), get_args(Cause)
    for trial, cause in enumerate((*causes, *causes), start=1):
        failed_by(story, trial, cause)
    told = story_about(story.history)
    assert dict(told.failures.by_cause) == dict.fromkeys(causes, 2)
    assert {(newest.cause, newest.trial) for newest in told.failures.newest} == {
        (cause, trial) for trial, cause in enumerate(causes, start=len(causes) + 1)
    }
    assert told.failures.standstill is not None
    assert set(told.failures.standstill.ends) == set(causes)
    lines = status_lines(story.history)
    assert all(any(cause_text(cause) in line for line in lines) for cause in causes)
    assert_survives_json(told)


@pytest.mark.parametrize("version", ["1", "2", "3"])
async def test_the_story_of_a_ledger_of_every_version_survives_json(tmp_path: Path, version: str):
    store = LocalStore(tmp_path)
    store.create("bread/events/00000/00000000000000000001.parquet", (OLD / f"version-{version}.parquet").read_bytes())
    assert_survives_json(story_about(history_of_samples(await events_of(ParquetLedger(store, "bread/")))))


def history_of_samples(events: list[Event]) -> History:
    """Return the history of one event of each kind, without those of a trial that none of them proposed."""
    proposed = {event.trial for event in events if isinstance(event, TrialProposed)}
    return History.from_events(event for event in events if getattr(event, "trial", None) in {None, *proposed})


async def test_the_story_of_a_kept_campaign_survives_json():
    history = History.from_events(await events_of(open_ledger(str(OLD / "kept-by-version-2"), "kept", Path())))
    told = story_about(history)
    assert told.spent.trials["observed"] == history.trials.observed
    assert sum(told.spent.trials.values()) == len(history.trials) > 0
    assert_survives_json(told)


def test_the_story_of_a_campaign_without_trials_survives_json():
    assert_survives_json(story_about(Story().history))
    assert_survives_json(story_about(History.from_events(Story().events[:1])))


def test_hostile_names_and_texts_survive_json():
    name = f"{HOSTILE}\x1b[31m\u202e\u2028"
    parameters = {name: {"kind": "categorical", "choices": [name, "", "NaN"]}}
    story = Story(campaign_of(parameters=parameters, minimize=name, baseline={name: ""}))
    story.tried(1, 0, mean=1.7e308, point={name: name}).tried(2, 1, mean=-1.7e308, point={name: "NaN"})
    story.proposed(3, 2, point={name: name}).started(3, 2).failed(3, 3, message=name).paused(4)
    found = FOUND.model_copy(update={"point": {name: "NaN"}, "without_model": name})
    assert_survives_json(story_about(story.history, recommendation=found, ledger=name, notices=(name,)))


@pytest.mark.parametrize("gain", [float("inf"), float("nan"), 1e-300])
def test_a_number_that_json_lacks_is_null(gain: float):
    story = Story(campaign_of(stop_when={"expected_gain_below": 0.01})).proposed(1, 0, generator="model")
    proposed = story.events[-1]
    story.events[-1] = proposed.model_copy(
        update={"provenance": altered(proposed.provenance, {"chosen.expected_gain": gain})}
    )
    told = story_about(story.history)
    assert told.gain is not None
    assert told.gain.expected == (gain if gain == 1e-300 else None)
    assert_survives_json(told)


def test_everything_that_people_have_asked_and_owe_is_in_the_story():
    story = Story(campaign_of(approve="always")).parked(1, 0, "far").proposed(2, 0).started(2, 0)
    unknown = {"time": at(1), "actor": "controller", "trial": 2, "attempt": 1}
    story.events.append(AttemptUnknown(**unknown, message="it was sent away"))
    story.paused(2)
    story.events.append(CampaignAskedToStop(time=at(3), actor="bo@home", epoch=1, at_once=True, why="fire"))
    revised = campaign_of(approve="always", workers=1)
    story.events.append(CampaignRevised(time=at(4), actor="ada@home", revision=1, definition=revised, why="slower"))
    people = story_about(story.history).people
    assert [(request.asks, request.by, request.why) for request in people.requests] == [
        ("pause", "ada@home", "the oven is cleaned"),
        ("stop", "bo@home", "fire"),
    ]
    assert [(waiting.trial, waiting.why) for waiting in people.await_approval] == [(1, "far")]
    assert [(waiting.trial, waiting.why) for waiting in people.unknown_end] == [(2, "it was sent away")]
    assert people.revision is not None
    assert (people.revision.number, people.revision.by, people.revision.why) == (1, "ada@home", "slower")
    assert_survives_json(story_about(story.history))


def test_a_campaign_that_needs_a_person_names_the_next_command():
    def next_of(story: Story, **more: Any) -> str | None:
        return story_about(story.history, **more).standing.next_step

    running = Story().tried(1, 0, mean=1.0)
    assert next_of(running) is None
    assert "`overnight run`" in str(next_of(running, alive=False))
    assert "`overnight approvals`" in str(next_of(Story().proposed(1, 0).started(1, 0).parked(2, 0, "far")))
    assert "`overnight resume`" in str(next_of(running.paused(2)))
    assert "`overnight approvals`" in str(next_of(Story(campaign_of(approve="always", workers=1)).parked(1, 0, "far")))
    assert "`overnight run`" in str(next_of(Story().tried(1, 0, mean=1.0).drained(2)))
    assert next_of(Story().tried(1, 0, mean=1.0).finished(2)) is None
