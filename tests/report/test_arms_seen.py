"""A/B tests as people see them: in `overnight status`, `trials` and `explain`, in news and on the page."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from recommendations import recommendation
from rich.console import Console
from standing import finding_lines, status_lines, story_about
from told_arms import ToldArms, measured
from told_experiments import STATUS_QUO, Told, experiment

from overnight.campaign import History, Proposal
from overnight.campaign.experiment.arms import batch_of
from overnight.campaign.history.provenance import MadeBy, Prediction, Provenance
from overnight.campaign.recommendation import Recommendation
from overnight.flows.commands.live import LiveDisplay
from overnight.flows.commands.read.trials import trials
from overnight.report.explanation import explanation, feasible_sentence
from overnight.report.finding import confidence_sentences, finding_sentence
from overnight.report.happenings import News
from overnight.report.phrases.arms import difference_sentence
from overnight.report.pictures.charts import Pictures
from overnight.storage import open_ledger

LIMITED = {"constraints": ["errors <= 1.1 * baseline"]}


def result(clicks: float, errors: float = 1.0, sem: float = 0.3) -> dict[str, Any]:
    return {"clicks": measured(clicks, sem, 400), "errors": measured(errors, 0.01, 400)}


def drifted() -> ToldArms:
    """Return two batches, of which the second one has far more clicks and errors; trial 3 breaks its limit."""
    told = ToldArms(**LIMITED)
    first = told.batch((0, 0.4), (5, 0.3), (7, 0.3))
    told.observe(dict(zip(first, [result(10), result(13), result(14, 1.2)], strict=True)))
    second = told.batch((0, 0.4), (6, 0.3), (8, 0.3))
    told.observe(dict(zip(second, [result(100, 2.0), result(101, 2.1), result(98, 2.3)], strict=True)))
    return told


def confirmed(errors: float = 1.09, **more: Any) -> ToldArms:
    """Return an A/B test whose fifth trial, in the only stage, is clearly better, with doubtful errors."""
    told = ToldArms(**more)
    told.observe(dict(zip(told.batch((0, 0.5), (5, 0.5)), [result(10), result(13)], strict=True)))
    quo, arm = told.batch((0, 0.5), (5, 0.5), generator="ramp_up")
    told.observe({quo: result(50, 1.0), arm: result(53, errors)})
    return told


def believed(told: ToldArms, trial: int, **more: Any) -> Recommendation:
    point = told.history.trials[trial].point
    made = {"mean": 30, "sd": 1, "baseline_mean": 28, "baseline_sd": 1, "probability_best": 0.5, "metric": "clicks"}
    return recommendation(trial=trial, point=point, **made | more)


def explained(told: ToldArms | Told, then: History, trial: int) -> list[str]:
    now = told.history
    return [*explanation(then, now.trials[trial], {}, batch_of(now, now.trials[trial].batch))]


def test_the_best_arm_so_far_is_the_one_with_the_best_difference_to_its_own_status_quo() -> None:
    lines = status_lines(drifted().history)
    [line] = [line for line in lines if "best" in line]
    # (13 − 10) / 10, with the error √(0.3² + (1.3 · 0.3)²) / 10.
    assert line == "best feasible arm so far: trial 2, +30.0 ± 4.9 %"
    assert "6 observed, 0 running, 0 failed; budget: 100 arms" in lines


def test_feasible_arms_are_counted_beside_their_own_status_quo() -> None:
    lines = status_lines(drifted().history)
    assert "feasible as measured: 4 of 6 observed trials" in lines
    # The limit that holds now is that of the newest batch.
    assert "  errors <= 1.1 * baseline (now at most 2.2): met by 4 of 6" in lines


def test_the_page_marks_the_arms_that_are_infeasible_beside_their_own_status_quo_and_has_no_line_over_batches() -> None:
    course = Pictures(drifted().history, None).course()
    hovered = [text for trace in course["data"] for text in trace.get("hovertext", [])]
    assert len(hovered) == 6
    assert {text.split()[1] for text in hovered if "infeasible" in text} == {"3", "6"}
    assert all(trace.get("mode") != "lines" for trace in course["data"])


def test_once_fresh_traffic_decides_no_arm_is_called_the_best_so_far() -> None:
    assert not [line for line in status_lines(confirmed().history) if "best" in line]


def test_the_verdict_names_each_guardrail_with_its_probability() -> None:
    lines = status_lines(confirmed(**LIMITED).history)
    # The excess of errors is 1.09 − 1.1 with the error √(0.01² + (1.1 · 0.01)²): Φ(0.673) is 75 %.
    assert any(line.endswith("The probability that `errors <= 1.1 * baseline` holds is 75 %.") for line in lines)
    assert "The probability" not in " ".join(status_lines(confirmed().history))


def test_a_status_quo_that_is_recommended_in_spite_of_a_confirmed_arm_is_explained() -> None:
    told = confirmed(1.05, **LIMITED)
    found = believed(told, 1, constraints={}, probability_feasible=1.0, feasible_at_least=0.9)
    expected = "no better configuration is known to meet all constraints with the demanded probability of 90 %"
    for lines in (status_lines(told.history, recommendation=found), finding_lines(told.history, found)):
        assert f"the status quo is recommended all the same, because {expected}" in lines
    story = story_about(told.history, recommendation=found)
    assert finding_sentence(story).startswith("Trial 4 is better than the status quo (such a statement is false in at")
    assert confidence_sentences(story) == [f"The status quo is recommended all the same, because {expected}."]


def test_the_confirmed_arm_is_recommended_without_an_excuse() -> None:
    told = confirmed()
    lines = status_lines(told.history, recommendation=believed(told, 2))
    others = [line for line in lines if not line.startswith("recommended (trial 2, confirmed by trial 4): clicks")]
    assert len(others) == len(lines) - 1
    assert "recommended" not in " ".join(others)


def test_another_arm_that_is_recommended_is_called_not_confirmed() -> None:
    told = confirmed()
    told.observe(dict(zip(told.batch((0, 0.5), (9, 0.5)), [result(10), result(16)], strict=True)))
    lines = status_lines(told.history, recommendation=believed(told, 6))
    assert any("fresh traffic has not confirmed it" in line for line in lines)


def test_a_new_best_arm_is_news_by_its_difference_and_a_larger_mean_of_another_batch_is_not() -> None:
    told, news = ToldArms(), News()
    news.of(told.history)
    first = told.batch((0, 0.5), (5, 0.5))
    told.observe(dict(zip(first, [result(10), result(12)], strict=True)))
    [happening] = news.of(told.history)
    assert happening.text == "search: new best arm: trial 2, clicks +20.0 ± 4.7 % compared with its status quo"
    assert (happening.trial, happening.facts["mean"], happening.facts["difference"]) == (2, 12, 2)
    second = told.batch((0, 0.5), (6, 0.5))
    told.observe(dict(zip(second, [result(100), result(101)], strict=True)))
    assert news.of(told.history) == []
    third = told.batch((0, 0.5), (7, 0.5))
    told.observe(dict(zip(third, [result(20), result(25)], strict=True)))
    [happening] = news.of(told.history)
    assert happening.text.endswith(
        "trial 6, clicks +25.0 ± 2.4 % compared with its status quo, before +20.0 ± 4.7 % (trial 2)"
    )


def test_a_candidate_that_is_confirmed_is_news_once() -> None:
    told, news = ToldArms(), News()
    news.of(told.history)
    quo, arm = told.batch((0, 0.5), (5, 0.5), generator="ramp_up")
    told.look(1, {trial: {"clicks": measured(50, 0.6, 100)} for trial in (quo, arm)})
    assert news.of(told.history) == []
    told.look(2, {quo: result(50), arm: result(53)})
    [happening] = news.of(told.history)
    told.observe({quo: result(50), arm: result(53)})
    again = news.of(told.history)

    assert (happening.kind, happening.trial) == ("campaign.confirmed", arm)
    assert happening.text.startswith("search: Trial 2 is better than the status quo")
    assert happening.facts["effect"]["low"] > 0
    assert (happening.facts["units"], happening.facts["point"]) == (800, {"size": 5})
    assert again == []
    assert News().of(told.history) == []


def test_a_candidate_that_a_rule_stops_is_news_once() -> None:
    told, news = ToldArms(ramp_up={"stages": [0.1, 0.5]}, **LIMITED), News()
    news.of(told.history)
    quo, arm = told.batch((0, 0.9), (5, 0.1), generator="ramp_up")
    stops = told.look(1, {quo: result(50), arm: result(50, 9)})
    [happening] = news.of(told.history)

    assert (happening.kind, happening.trial) == ("campaign.rolled-back", arm)
    assert happening.text == f"search: trial 2 was rolled back in stage 1 of 2 of the ramp-up: {stops[0].why}"
    assert (happening.facts["reason"], happening.facts["stage"], happening.facts["stages"]) == (stops[0].why, 1, 2)
    told.batch((0, 0.9), (6, 0.1), generator="ramp_up")
    assert news.of(told.history) == []


def test_a_candidate_that_failed_is_announced_as_a_failure_alone() -> None:
    told, news = ToldArms(), News()
    news.of(told.history)
    _, arm = told.batch((0, 0.5), (5, 0.5), generator="ramp_up")
    told.fail(arm, "infeasible")
    assert [each.kind for each in news.of(told.history)] == ["trial.failed"]


def test_the_news_of_the_end_is_the_verdict() -> None:
    told, news = confirmed(), News()
    news.of(told.history)
    told.finish()
    [happening] = news.of(told.history)
    assert "finished: over; Trial 4 is better than the status quo" in happening.text


def test_a_running_test_shows_each_arm_that_ended_with_its_difference() -> None:
    told, console = ToldArms(**LIMITED), Console(file=io.StringIO(), width=200)
    with LiveDisplay(told.history.definition, console) as display:
        display.watch(told.history)
        told.observe(dict(zip(told.batch((0, 0.5), (5, 0.5)), [result(10), result(12, 1.2)], strict=True)))
        display.watch(told.history)
    assert console.file.getvalue().splitlines() == [
        "search: maximize clicks in 100 arms, at most 3 at the same time",
        "trial   1  clicks 10.00 ± 0.30  (baseline)",
        "trial   2  clicks 12.00 ± 0.30, +20.0 ± 4.7 % compared with the status quo  (sobol)  "
        "infeasible: errors <= 1.1 * baseline (1.200 ± 0.010)",
    ]


def test_an_arm_is_explained_by_its_share_of_the_traffic_and_its_difference() -> None:
    told = ToldArms(traffic={"per_batch": 1000, "unit": "users"})
    then = told.history
    quo, arm = told.batch((0, 0.6), (5, 0.4))
    assert difference_sentence(told.history, told.history.trials[arm]) == (
        "It is not compared with the status quo of its batch: the arm has no result of `clicks`."
    )
    told.look(3, {quo: result(10), arm: result(9.9)})
    assert difference_sentence(told.history, told.history.trials[arm]) == (
        "Compared with the status quo of its batch at look 3: clicks −1.0 ± 4.2 %."
    )
    told.observe({quo: result(10), arm: result(11)})
    assert "It gets 40 % of the traffic of batch 1 (400 of 1,000 users)." in explained(told, then, arm)
    assert difference_sentence(told.history, told.history.trials[arm]) == (
        "Compared with the status quo of its batch: clicks +10.0 ± 4.5 %."
    )
    assert difference_sentence(told.history, told.history.trials[quo]) is None


def test_the_status_quo_is_explained_as_that_of_its_batch() -> None:
    told = drifted()
    said = explained(told, told.history, 4)
    assert "It is the status quo of batch 4, as in every batch, because results drift between batches." in said
    assert not [line for line in said if "baseline" in line]


def test_stages_are_explained_with_the_reason_for_the_candidate() -> None:
    told = ToldArms(ramp_up={"stages": [0.1, 0.5]}, **LIMITED)
    told.observe(dict(zip(told.batch((0, 0.5), (5, 0.5)), [result(10), result(13)], strict=True)))
    lines = list[list[str]]()
    for share in (0.1, 0.5):
        then = told.history
        quo, arm = told.batch((0, 1 - share), (5, share), generator="ramp_up")
        told.observe({quo: result(10), arm: result(13)})
        lines.append(explained(told, then, arm))
    assert lines[0][1:4] == [
        "It is the candidate in stage 1 of 2 of the ramp-up, on fresh traffic.",
        "It was believed to be the best feasible arm, after 2 results.",
        "It gets 10 % of the traffic of batch 3 (100 of 1,000 units).",
    ]
    assert lines[1][1:3] == [
        "It is the candidate in stage 2 of 2 of the ramp-up, on fresh traffic.",
        "It was in the ramp-up before, in trial 4.",
    ]
    assert not [line for line in (*lines[0], *lines[1]) if line.startswith("Proposed by")]


def test_an_arm_that_is_measured_again_is_compared_with_a_new_one() -> None:
    told = drifted()
    then = told.history
    _, again, _ = told.batch((0, 0.4), (5, 0.4), (9, 0.2))
    expected = "It is measured again, after trial 2, with 2 times the traffic of a new arm."
    assert expected in explained(told, then, again)


def test_the_drift_of_a_batch_is_no_surprise() -> None:
    told = Told(experiment())
    then = told.history
    predicted = Provenance(made_by=MadeBy(seed=1), predicted={"rate": Prediction(mean=0.0, sd=0.1)})
    arms = [Proposal(point=STATUS_QUO, generator="baseline", weight=0.5)]
    arms += [Proposal(point={"x0": 0.5, "x1": 0.5}, generator="model", weight=0.5, provenance=predicted)]
    for trial in told.start(arms):
        told.observe(trial, 50.0)
    said = explained(told, then, 2)
    assert "It turned out to be rate 50.00 ± 0.10." in [line.replace(" after 0s", "") for line in said]


def test_whether_an_arm_without_a_measured_status_quo_is_feasible_is_unknown() -> None:
    told = ToldArms(**LIMITED)
    _, arm = told.batch((0, 0.5), (5, 0.5))
    told.observe({arm: result(10)})
    assert feasible_sentence(told.history, told.history.trials[arm]) == (
        "Whether it is feasible is unknown, because the status quo of its batch has no errors yet."
    )


FILE = """name: told
kind: ab_test
parameters: {x0: {kind: float, low: 0, high: 1}, x1: {kind: float, low: 0, high: 1}}
maximize: rate
constraints: [errors <= 1.1 * baseline]
baseline: {x0: 0.2, x1: 0.8}
arms: 6
traffic: {per_batch: 60000}
budget: {trials: 26}
evaluator: obj:evaluate
"""


def test_the_table_of_trials_shows_the_batch_and_share_of_each_arm_and_judges_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    Path("campaign.yaml").write_text(FILE)
    told = Told(experiment(**LIMITED))
    for shift in (0.0, 10.0):
        quo = Proposal(point=STATUS_QUO, generator="baseline", weight=0.75)
        first, arm = told.start([quo, Proposal(point={"x0": 0.5, "x1": 0.5}, generator="sobol", weight=0.25)])
        told.observe(first, 1.0 + shift, errors=1.0 + shift)
        told.observe(arm, 3.0 - shift, errors=1.2 + shift)
    asyncio.run(open_ledger("ledger", "told", tmp_path).append(told.events, after=0))
    trials(Path("campaign.yaml"), "table", None)
    lines = capsys.readouterr().out.splitlines()
    cells = [[part.strip() for part in line.split("│")] for line in lines if line.startswith("│")]
    assert [[row[1], row[3], row[6], row[5]] for row in cells] == [
        ["1", "1", "75 %", "yes"],
        ["2", "1", "25 %", "no: errors"],
        ["3", "3", "75 %", "yes"],
        ["4", "3", "25 %", "yes"],
    ]
