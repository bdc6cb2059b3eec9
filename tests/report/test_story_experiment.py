"""How an A/B test stands, in a terminal and on its page: its verdict, its traffic and its arms."""

import json

import pytest
from standing import finding_lines, status_lines, story_about
from told_arms import ToldArms, measured

from overnight.report.finding import finding_sentence
from overnight.report.html import render_report
from overnight.report.phrases.experiment import difference_text
from overnight.report.pictures.arms_chart import arms_chart
from overnight.report.pictures.differences import as_differences


def arms_of(story: ToldArms):
    experiment = story_about(story.history).experiment
    assert experiment is not None
    return experiment.arms


def searched() -> ToldArms:
    """Tell two batches; the second one drifts by 10."""
    story = ToldArms(maximize="clicks")
    first = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    story.observe(
        {trial: {"clicks": measured(mean, 0.1, 200)} for trial, mean in zip(first, (20, 21, 19), strict=True)}
    )
    second = story.batch((0, 0.5), (3, 0.3), (5, 0.2))
    story.observe(
        {trial: {"clicks": measured(mean, 0.1, 200)} for trial, mean in zip(second, (30, 31.2, 32), strict=True)}
    )
    return story


def confirmed() -> ToldArms:
    story = searched()
    for share in (0.1, 0.5):
        stage = story.batch((0, 1 - share), (5, share), generator="ramp_up")
        results = zip(stage, (25, 27), strict=True)
        story.observe({trial: {"clicks": measured(mean, 0.1, 400)} for trial, mean in results})
    return story


def test_arms_of_different_batches_are_compared_with_their_own_status_quo():
    found = {arm.trial: (arm.batch, arm.difference, arm.relative, arm.units) for arm in arms_of(searched())}
    assert found == {
        2: (1, 1.0, pytest.approx(0.05), 200),
        3: (1, -1.0, pytest.approx(-0.05), 200),
        5: (4, pytest.approx(1.2), pytest.approx(0.04), 200),
        6: (4, 2.0, pytest.approx(2 / 30), 200),
    }


def test_nothing_is_concluded_from_the_search():
    text = "\n".join(status_lines(searched().history))
    assert "nothing is concluded yet" in text
    assert "is better than the status quo" not in text
    assert "2 batches: 1,200 units to search" in text


def test_a_confirmed_arm_is_the_finding_of_terminal_and_page():
    story = confirmed()
    told = story_about(story.history)
    text = "\n".join(finding_lines(story.history, None))
    assert told.experiment is not None
    assert told.experiment.state == "confirmed"
    assert "trial 10 is better than the status quo" in text.lower()
    assert finding_sentence(told) == told.experiment.verdict
    assert finding_sentence(told) in render_report(story.history, told).replace("&#39;", "'").replace("\u00a0", " ")


def test_page_and_terminal_give_the_error_of_statements_and_no_probability_that_one_is_true():
    story = ToldArms(decide={"at_least": 0.99})
    stage = story.batch((0, 0.5), (5, 0.5), generator="ramp_up")
    story.observe({trial: {"clicks": measured(mean, 0.1, 400)} for trial, mean in zip(stage, (25, 27), strict=True)})
    told = story_about(story.history)
    page = render_report(story.history, told).replace("&nbsp;", " ")
    assert "is better than the status quo (such a statement is false in at most 1 % of tests)." in finding_sentence(
        told
    )
    assert "Such a statement is false in at most 1 % of tests." in page
    assert "probability of 99" not in page


def test_the_page_shows_a_guardrail_as_code_and_how_busy_the_arms_of_a_batch_were():
    story = ToldArms(constraints=["hides <= 1.1 * baseline"], ramp_up={"stages": [0.5]})
    stage = story.batch((0, 0.5), (5, 0.5), generator="ramp_up")
    for trial, clicks in zip(stage, (25, 27), strict=True):
        story.observe({trial: {"clicks": measured(clicks, 0.1, 400), "hides": measured(1, 0.01, 400)}})
    page = render_report(story.history, story_about(story.history))
    assert "<code>hides &lt;= 1.1 * baseline</code>" in page.partition("</header>")[0]
    assert "`hides" not in page


def test_programs_get_every_statement_about_a_candidate_as_numbers():
    story = ToldArms(
        ramp_up={"stages": [0.1, 0.5]},
        constraints=["hides <= 1.1 * baseline"],
        traffic={"per_batch": 1000, "unit": "users"},
    )
    for share in (0.1, 0.5):
        stage = story.batch((0, 1 - share), (5, share), generator="ramp_up")
        for trial, mean in zip(stage, (25, 27), strict=True):
            story.observe({trial: {"clicks": measured(mean, 0.1, 400), "hides": measured(1, 0.01, 400)}})
    told = story_about(story.history)
    assert told.experiment is not None
    verdict = told.experiment.verdict
    read = json.loads(told.model_dump_json())["experiment"]
    [found] = read["candidates"]

    assert (found["state"], found["trials"], found["stage"], found["stages"]) == ("confirmed", [2, 4], 2, 2)
    assert (found["units"], found["error"], found["why"]) == (1600, pytest.approx(0.04), None)
    effect, relative, [guardrail] = found["effect"], found["relative"], found["guardrails"]
    assert (effect["value"], effect["level"]) == (pytest.approx(2), pytest.approx(0.92))
    assert 0 < effect["low"] < 2 < effect["high"] < 4
    assert relative["value"] == pytest.approx(0.08)
    assert (guardrail["constraint"], guardrail["value"], guardrail["low"]) == ("hides <= 1.1 * baseline", 1.0, None)
    assert (guardrail["high"], guardrail["probability"] > 0.99) == (pytest.approx(1.1), True)
    assert "This rests on 1,600 users of fresh traffic, in trials 2 and 4." in verdict


def test_the_picture_has_a_point_for_each_arm_and_another_colour_for_fresh_traffic():
    experiment = story_about(confirmed().history).experiment
    assert experiment is not None
    figure = arms_chart(experiment, "clicks")
    assert {trace["name"]: len(trace["x"]) for trace in figure["data"]} == {"to search": 4, "to confirm": 2}
    assert len({trace["marker"]["color"] for trace in figure["data"]}) == 2


@pytest.mark.parametrize(("quo", "drawn", "name"), [(-10.0, 2.0, "status quo"), (10.0, 20.0, "status quo, %")])
def test_the_picture_has_shares_only_beside_a_positive_status_quo(quo, drawn, name):
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.5))
    story.observe({t: {"clicks": measured(mean, 0.1, 100)} for t, mean in zip(trials, (quo, quo + 2), strict=True)})
    experiment = story_about(story.history).experiment
    assert experiment is not None
    figure = arms_chart(experiment, "clicks")
    assert list(figure["data"][0]["x"]) == [pytest.approx(drawn)]
    assert name + '"' in json.dumps(figure["layout"]["xaxis"])


def test_an_arm_that_a_look_has_ended_says_why():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    means = dict(zip(trials, (20, 5, 20), strict=True))
    story.look(1, {trial: {"clicks": measured(mean, 0.1, 100)} for trial, mean in means.items()})
    stopped = next(arm for arm in arms_of(story) if arm.stopped is not None)
    assert (stopped.trial, stopped.look) == (2, 1)
    assert "; stopped: " in "\n".join(status_lines(story.history))


def test_pictures_show_differences_and_the_status_quo_has_none():
    history = as_differences(searched().history)
    found = {trial.id: trial.measured["clicks"].mean for trial in history.trials.values() if trial.measured}
    assert found == {2: 1.0, 3: -1.0, 5: pytest.approx(1.2), 6: 2.0}


@pytest.mark.parametrize("there", [0.0, 1e-320])
def test_a_status_quo_at_zero_has_no_shares_but_differences(there):
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.5))
    story.observe({trial: {"clicks": measured(mean, 0.1, 100)} for trial, mean in zip(trials, (there, 2), strict=True)})
    [arm] = arms_of(story)
    assert arm.difference == 2.0
    assert arm.relative is None
    assert difference_text(arm).startswith("+2")
    assert render_report(story.history, story_about(story.history))


def test_before_any_result_there_is_a_page():
    story = ToldArms()
    story.batch((0, 0.5), (3, 0.5))
    assert render_report(story.history, story_about(story.history))
    assert "not compared" in "\n".join(status_lines(story.history))
