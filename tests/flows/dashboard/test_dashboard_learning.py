"""The model of a running campaign is asked in another process, seldom enough, and never one with code of its own."""

import asyncio
from asyncio import to_thread
from pathlib import Path
from shutil import rmtree
from typing import Any

from dashboards import append, dashboard, shown
from told_arms import ToldArms
from told_stories import POINT, Story, at, campaign_of
from until import until

from overnight.bo_core import BayesianProposer
from overnight.campaign.history.events import CampaignRevised
from overnight.campaign.values.read_only import ReadOnlyDict
from overnight.flows.api.place import place_of
from overnight.flows.dashboard.followed import Followed
from overnight.flows.dashboard.learning.learnt import Learnt, is_due, model_to_ask, revision_of
from overnight.flows.dashboard.learning.process import learnt_from


def with_results(count: int) -> Story:
    story = Story()
    for trial in range(1, count + 1):
        story.tried(trial, 2 * trial, trial % 5 / 3, point=POINT | {"rate": trial / 50, "depth": 1 + trial % 9})
    return story


def learnt(results: int, revision: int = 0) -> Learnt:
    return Learnt(results=results, last=results, revision=revision)


def test_the_model_is_asked_after_a_few_results_and_again_after_a_share_of_them():
    assert [count for count in range(20) if is_due(with_results(count).history, None)] == list(range(5, 20))
    assert [count for count in range(20) if is_due(with_results(count).history, learnt(8))] == list(range(13, 20))
    assert learnt(8).next == 13
    assert learnt(200).next == 220


def test_an_answer_about_another_definition_does_not_hold_and_is_asked_for_again():
    story = with_results(8)
    assert learnt(8).holds_for(story.history)
    other = campaign_of(budget={"trials": 99})
    story.events.append(CampaignRevised(time=at(30), actor="ada", revision=1, definition=other, settings={}))
    assert revision_of(story.history) == 1
    assert not learnt(8).holds_for(story.history)
    assert is_due(story.history, learnt(8))


def test_an_ab_test_has_no_such_model():
    told = ToldArms()
    told.batch((0, 0.5), (1, 0.5))
    assert not is_due(told.history, None)


def recorded_with(proposer: dict[str, Any]) -> Story:
    story = with_results(8)
    settings = ReadOnlyDict({"proposer": proposer})
    story.events[0] = story.events[0].model_copy(update={"settings": settings})
    return story


def test_only_a_built_in_model_is_asked():
    assert model_to_ask(with_results(1).history) == BayesianProposer()
    own = {"kind": "bayesian", "surrogate": {"kind": "gpytorch", "model": "own:model"}}
    for other in ({"kind": "sobol"}, own, {"kind": "of_a_later_version"}):
        assert model_to_ask(recorded_with(other).history) is None


def test_a_campaign_with_an_unknown_proposer_is_shown_without_its_model(tmp_path: Path):
    append(tmp_path, "rates", recorded_with({"kind": "of_a_later_version"}).events)
    with dashboard(tmp_path) as served:
        assert "8 of 10" in shown(served, "/campaigns/rates/parts/summary")
        assert "What the model believes so far" not in shown(served, "/campaigns/rates/parts/pictures")


async def test_a_campaign_that_was_begun_again_has_nothing_learnt_yet(tmp_path: Path):
    events = with_results(8).events
    await to_thread(append, tmp_path, "rates", events[:9])
    await to_thread(append, tmp_path, "rates", events[9:])
    followed = Followed(place_of(str(tmp_path)), "rates", asyncio.Semaphore(1))
    followed.learning.learnt = learnt(8)
    assert followed.learning.of((await followed.look()).history) is not None
    rmtree(tmp_path / "rates")
    await to_thread(append, tmp_path, "rates", with_results(1).events)
    await followed.look()
    seen = await followed.look()
    assert seen.history.trials.observed == 1
    assert followed.learning.of(seen.history) is None


def test_the_pictures_of_a_running_campaign_show_the_model_as_of_its_newest_result(tmp_path: Path):
    story = with_results(9)
    append(tmp_path, "rates", story.events)
    expected = learnt_from(story.history)
    assert expected.insight is not None
    with dashboard(tmp_path) as served:

        def page() -> str:
            return shown(served, "/campaigns/rates/parts/pictures")

        assert "What the model believes so far" not in page()
        until(lambda: "What the model believes so far" in page(), "the model has answered", 120)
        html = page()
        assert "As of trial 9" in html
        assert "from the first 9 results, and again once there are 14" in html
        assert "What the model has learnt about loss" in html
        figures = served.client.get("/campaigns/rates/parts/pictures").json()["figures"]
        assert any(name.startswith("slice-") for name in figures)
        append(tmp_path, "rates", Story().tried(10, 30, 0.25).events[2:])
        until(lambda: "10 of 10" in shown(served, "/campaigns/rates/parts/summary"), "trial 10 is shown", 30)
        assert "As of trial 9" in page()
