"""The best result so far is the best one in the present space, in every place."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from standing import status_lines
from told_stories import POINT, Story, at, campaign_of

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.columns import judged_cells
from overnight.campaign.definition import lies_in
from overnight.campaign.history.events import CampaignRevised, Event
from overnight.flows.commands.read.trials import trials
from overnight.report.explanation import front_sentence
from overnight.report.happenings import News
from overnight.report.html import render_report
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.trace_picture import trace_picture
from overnight.report.story import story_of
from overnight.storage import open_ledger

PARAMETERS: dict[str, Any] = campaign_of().model_dump(mode="json", exclude_none=True)["parameters"]
RATE: dict[str, Any] = PARAMETERS["rate"]
TWO = {"objectives": [{"minimize": "loss"}, {"maximize": "speed"}], "baseline": None}
FILE = "name: rates\nparameters: {rate: {kind: float, low: 0, high: 1}}\nminimize: loss\nevaluator: obj:evaluate\n"


def narrowed(**changes: Any) -> Campaign:
    return campaign_of(parameters=PARAMETERS | {"rate": RATE | {"high": 0.2}}, **changes)


def revised(definition: Campaign, number: int = 1) -> Event:
    return CampaignRevised(time=at(40), actor="ada@home", revision=number, definition=definition, why="too hot")


def random_story(seed: int, definition: Campaign) -> Story:
    """Return a campaign with ten results at random rates, revised at the end."""
    draw = random.Random(seed)
    objectives = [each.model_dump() for each in definition.objectives]
    story = Story(campaign_of(baseline=None, **({"objectives": TWO["objectives"]} if objectives else {})))
    for trial in range(1, 11):
        point = POINT | {"rate": draw.random()}
        more = {"speed": float(draw.randrange(5))} if objectives else {}
        story.proposed(trial, trial, point).started(trial, trial)
        story.observed(trial, trial, float(draw.randrange(5)), None, **more)
    story.events.append(revised(definition))
    return story


def inside(history: History) -> list[Trial]:
    return [trial for _, trial in sorted(history.trials.items()) if lies_in(history.definition, trial.point)]


@pytest.mark.parametrize("seed", range(20))
def test_status_news_and_pictures_know_the_best_of_the_trials_in_the_space(seed: int):
    story = random_story(seed, narrowed(baseline=None))
    history = story.history
    best = min(inside(history), key=lambda trial: (trial.measured["loss"].mean, trial.id), default=None)
    found = story_of(history, at(50)).best.measured
    assert (found and found.trial) == (best and best.id)
    assert [trial.id for trial in history.goals.best_first(history.trials.values())][:1] == (
        [] if best is None else [best.id]
    )
    line = next(line for line in status_lines(history) if line.startswith("best so far"))
    assert line.endswith("no result lies in the present space" if best is None else f"(trial {best.id})")
    pictures = Pictures(history, None)
    assert pictures.pale == {*history.trials} - {trial.id for trial in inside(history)}
    assert pictures.has_line == (best is not None)
    if best is not None:
        [drawn, *_] = pictures.course()["data"]
        assert drawn["y"][-1] == best.measured["loss"].mean
        assert drawn["x"] == [trial.id for trial in inside(history)]


@pytest.mark.parametrize("seed", range(10))
def test_the_front_has_only_trials_in_the_space(seed: int):
    history = random_story(seed, narrowed(**TWO)).history
    front = {trial.id for trial in history.definition.goal.front(inside(history))}
    found = story_of(history, at(50)).front
    assert found is not None
    assert {point.trial for point in found.points} == front
    assert {each.trial for each in found.course} <= {trial.id for trial in inside(history)}
    every = [*history.trials.values()]
    marked = {trial.id for trial, (on,) in zip(every, judged_cells(history.goals, every), strict=True) if on}
    named = {trial.id for trial in every if (front_sentence(history, trial) or "").startswith("It is on the front")}
    assert marked == named == front


def test_a_result_is_a_new_best_if_it_beats_those_in_the_space():
    story = Story(campaign_of(baseline=None)).tried(1, 1, 1.0, point=POINT | {"rate": 0.5}).tried(2, 2, 3.0)
    news = News()
    assert not news.of(story.history)
    story.events.append(revised(narrowed(baseline=None)))
    [other] = news.of(story.history)
    assert (other.trial, other.facts["before"]) == (2, None)
    story.tried(3, 50, 2.0)
    [better] = news.of(story.history)
    assert (better.trial, better.facts["before"]) == (3, 3.0)
    story.tried(4, 60, 0.5, point=POINT | {"rate": 0.5})
    assert not news.of(story.history), "a trial that ran while the space was narrowed ends outside of it"


def test_a_trial_joins_the_front_if_no_trial_in_the_space_beats_it():
    story = Story(campaign_of(**TWO)).tried(1, 1, 1.0, speed=9.0, point=POINT | {"rate": 0.5})
    news = News()
    assert not news.of(story.history)
    story.events.append(revised(narrowed(**TWO)))
    story.tried(2, 50, 2.0, speed=8.0)
    [joined] = news.of(story.history)
    assert joined.facts["front"] == [2]


def test_the_old_best_counts_again_once_the_space_holds_it():
    history = random_story(1, narrowed(baseline=None)).history.extended([revised(campaign_of(baseline=None), 2)])
    best = min(history.trials.values(), key=lambda trial: (trial.measured["loss"].mean, trial.id))
    assert history.goals.best(history.trials.values()) == best


def test_fixed_values_leave_earlier_results_in_the_space():
    history = random_story(1, campaign_of(baseline=None, fix={"rate": 0.1})).history
    assert inside(history) == [*history.trials.values()] == history.goals.compared(history.trials.values())


def test_pictures_state_what_pale_points_are():
    history = random_story(3, narrowed(baseline=None)).history
    page = render_report(history, story_of(history, at(50)))
    assert "Small and pale points lie outside of the present space and are never the best." in page
    picture = trace_picture(history)
    assert picture is not None
    assert picture.count('opacity="0.4"') == len(history.trials) - len(inside(history))


def printed(story: Story, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    Path("campaign.yaml").write_text(FILE + "budget: {trials: 20}\n")
    asyncio.run(open_ledger("ledger", "rates", Path()).append(story.events, after=0))
    trials(Path("campaign.yaml"), "table", None, **options)
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def elsewhere(**changes: Any) -> Campaign:
    return campaign_of(parameters=PARAMETERS | {"rate": RATE | {"low": 1e-5, "high": 2e-5}}, **changes)


@pytest.mark.parametrize(
    ("story", "options", "why"),
    [
        (Story(), {"best": 3}, "there is no best trial: nothing was tried yet"),
        (
            Story().proposed(1, 1).started(1, 1).failed(1, 2),
            {"best": 3},
            "there is no best trial: nothing was observed",
        ),
        (
            random_story(1, elsewhere(baseline=None)),
            {"best": 1},
            "there is no best trial: no result lies in the present space",
        ),
        (random_story(1, elsewhere(**TWO)), {"front": True}, "the front is empty: no result lies in the present space"),
        (
            random_story(1, campaign_of(baseline=None, constraints=["loss <= -1"])),
            {"best": 3},
            "there is no best trial: none of 10 observed trials is feasible as measured; loss <= -1 is met least often "
            "(by none)",
        ),
    ],
)
def test_without_a_best_trial_the_command_states_why_and_prints_no_empty_table(
    story: Story, options: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
):
    assert printed(story, capsys, **options) == f"rates: {why}\n"
