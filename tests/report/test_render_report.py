import gzip
import json
import math
import re
from base64 import b64decode
from datetime import UTC, datetime
from itertools import combinations
from random import Random
from typing import Any, get_args

import pytest
from front_stories import ROWS, front_believed, several
from insights import insight_at, slice_of
from limited_stories import believed as believed_feasible
from limited_stories import limited
from parsed_page import Page
from recommendations import recommendation
from standing import story_about
from told_stories import HOSTILE, POINT, Story, at, campaign_of

from overnight.campaign import Campaign
from overnight.campaign.history.trial import Generator
from overnight.campaign.insight import Contour
from overnight.campaign.recommendation import Recommendation
from overnight.report.html import render_report

NOW = datetime(2026, 11, 4, 7, 30, tzinfo=UTC)
BASELINE = {"rate": 0.1, "depth": 3, "mode": "slow", "cache": False}


def page_of(story: Story, found: Recommendation | None = None, **more: Any) -> Page:
    return Page(html_of(story, found, **more))


def html_of(story: Story, found: Recommendation | None = None, ledger: str = "s3://tuning/ledger", **more: Any) -> str:
    about = story_about(story.history, recommendation=found, ledger=ledger, now=NOW, **more)
    return render_report(story.history, about)


def believed(trial: int = 2, **changes: Any) -> Recommendation:
    values: dict[str, Any] = {
        "trial": trial,
        "point": POINT,
        "mean": 0.0695,
        "sd": 0.0042,
        "probability_best": 0.43,
        "baseline_mean": 0.1055,
        "baseline_sd": 0.0071,
        "probability_better_than_baseline": 0.9984,
    }
    return recommendation(**values | changes)


def a_night() -> Story:
    story = Story().tried(1, 0, 0.1055, 0.007, point=BASELINE, generator="baseline").tried(2, 1, 0.071, 0.005)
    story.proposed(3, 2).started(3, 2).failed(3, 3, retry=True, message="connection reset").started(3, 3, attempt=2)
    story.failed(3, 4, message="out of memory")
    return story.tried(4, 4, 0.065, 0.01, point=POINT | {"rate": 0.02}, generator="model").finished(5)


def test_the_page_needs_nothing_but_itself():
    page = page_of(a_night(), believed())
    assert page.open == []
    assert [(n, v) for n, v in page.attributes if n in ("src", "href", "srcset", "action", "data")] == []
    packed, _ = (script for script in page.scripts if script.startswith("H4sI"))
    assert b"plotly.js (basic - minified) v" in gzip.decompress(b64decode(packed))
    assert len(html_of(a_night(), believed()).encode()) < 800_000
    assert "@import" not in html_of(a_night(), believed()).split("</style>")[0]


def test_the_page_of_a_thousand_trials_with_many_parameters_and_limits_is_below_a_megabyte_and_a_half():
    random, names, limits = Random(1), [f"parameter_{i}" for i in range(12)], [f"limit_{i}" for i in range(5)]
    parameters = {name: {"kind": "float", "low": 0.001, "high": 30.0, "scale": "log"} for name in names}
    constraints = [f"{limit} <= 0.5" for limit in limits]
    changes = {"parameters": parameters, "constraints": constraints, "budget": {"trials": 1200}}
    story, point = Story(campaign_of(baseline=None, **changes)), dict.fromkeys(names, 1.0)
    for trial in range(1, 1101):
        point = {name: random.uniform(0.001, 30.0) for name in names}
        story.proposed(trial, trial, point).started(trial, trial)
        story.observed(trial, trial, random.random(), **{limit: random.random() for limit in limits})
    values = tuple(0.001 + i for i in range(15))
    pairs = [
        Contour(
            across=a,
            up=b,
            at_across=values,
            at_up=values,
            mean=tuple(tuple(random.random() for _ in values) for _ in values),
        )
        for a, b in combinations(names[:5], 2)
    ]
    slices = [slice_of(name, values, [random.random() for _ in values]) for name in names]
    insight = insight_at(story.campaign, point, slices, contour=pairs[0], pairs=tuple(pairs[1:]))
    found = recommendation(trial=1100, mean=0.5, sd=0.1, point=point, probability_best=0.5)
    html = render_report(story.history, story_about(story.history, recommendation=found, insight=insight))
    assert len(html.encode()) < 1_500_000
    assert len(Page(html).figures["pair-0-8"].data[0].x) > 900


def test_the_headline_leads_from_the_baseline_to_the_recommendation():
    text = page_of(a_night(), believed()).text
    assert (
        "loss from 0.1055 ± 0.0071 at the baseline to 0.0695 ± 0.0042 at the recommended configuration (−34.1 %)."
    ) in text
    assert "With a probability of 99.8 % it is better than the baseline." in text
    assert "best of all 3 observed is 43 %: others may be as good" in text
    assert "The best single measurement, 0.065 ± 0.010, is trial 4's; a single measurement can be lucky." in text
    assert "Finished: budget spent. 3 of 10 trials observed, 1 failed." in text


def test_the_recommended_configuration_stands_beside_the_baseline():
    rows = page_of(a_night(), believed()).rows
    assert ["rate", "0.01 1/s", "0.1 1/s", "× 0.1"] in rows
    assert ["depth", "2", "3", "−1"] in rows
    assert ["mode", "fast", "slow", "changed"] in rows


def test_a_description_has_a_line_of_its_own_and_a_parameter_without_a_value_a_dash():
    parameters = {
        "rate": {"kind": "float", "low": 0, "high": 1, "description": "how fast it learns"},
        "drop": {"kind": "float", "low": 0, "high": 1, "when": "rate >= 0.5"},
    }
    story = Story(campaign_of(parameters=parameters, baseline={"rate": 0.6, "drop": 0.1}))
    story.tried(1, 0, 2.0, point={"rate": 0.6, "drop": 0.1}, generator="baseline").tried(
        2, 2, 1.0, point={"rate": 0.25}
    )
    rows = page_of(story, believed(point={"rate": 0.25})).rows
    at = rows.index(["rate", "0.25", "0.6", "−0.35"])
    assert rows[at + 1 : at + 3] == [["how fast it learns"], ["drop", "–", "0.1", "changed"]]


def test_the_configuration_to_copy_has_all_digits():
    point = {"rate": 0.012345678901234567, "depth": 2, "mode": "off", "cache": True}
    html = html_of(a_night(), believed(point=point))
    copied = re.search(r'<pre id="configuration">(.*?)</pre>', html, re.DOTALL)
    assert copied is not None
    assert json.loads(copied[1].replace("&#34;", '"')) == point


def test_failed_attempts_say_why_and_what_came_of_them():
    rows = page_of(a_night(), believed()).rows
    assert ["3", "1", "infrastructure", "connection reset", "tried again"] in rows
    assert ["3", "2", "evaluator error", "out of memory", "given up"] in rows


def test_all_trials_are_listed_with_what_they_measured():
    rows = [row for row in page_of(a_night(), believed()).rows if len(row) > 5]
    assert [row[:3] for row in rows[1:]] == [
        ["1", "observed", "0.1055 ± 0.0070"],
        ["2", "observed", "0.0710 ± 0.0050"],
        ["3", "failed: evaluator error", ""],
        ["4", "observed", "0.065 ± 0.010"],
    ]


def test_the_charts_show_what_was_measured_in_which_order():
    figures = page_of(a_night(), believed()).figures
    assert list(figures) == ["course", "parameter-0", "parameter-1", "parameter-2", "parameter-3", "timeline"]
    best, *points, failed, ring = figures["course"].data
    assert (list(best.x), list(best.y)) == ([1, 2, 4], [0.1055, 0.071, 0.065])
    assert sorted((t.name, list(t.x), list(t.y), list(t.error_y.array)) for t in points) == [
        ("baseline", [1], [0.1055], [0.007]),
        ("model", [4], [0.065], [0.01]),
        ("sobol", [2], [0.071], [0.005]),
    ]
    assert (list(ring.x), list(ring.y)) == ([2], [0.071])
    assert (failed.name, list(failed.x), failed.yaxis) == ("failed", [3], "y2")
    kinds = [figures[f"parameter-{i}"].layout.xaxis.type for i in range(4)]
    assert kinds == ["log", "linear", "category", "category"]
    assert list(figures["parameter-3"].layout.xaxis.categoryarray) == ["false", "true"]
    assert {bar.name: len(bar.x) for bar in figures["timeline"].data} == {"observed": 3, "failed": 2}


def test_the_running_best_rises_where_more_is_better():
    story = Story(campaign_of(maximize="speed"))
    story.tried(1, 0, 5.0).tried(2, 1, 3.0).tried(3, 2, 8.0)
    assert list(page_of(story, believed(3)).figures["course"].data[0].y) == [5.0, 5.0, 8.0]


@pytest.mark.parametrize("generator", get_args(Generator))
def test_the_trials_of_every_generator_are_drawn(generator: Generator):
    story = Story().tried(1, 0, 5.0, generator=generator)
    assert [t.name for t in page_of(story).figures["course"].data if t.mode == "markers"] == [generator]


def test_a_parameters_axis_shows_its_whole_range_and_every_choice():
    figures = page_of(a_night(), believed()).figures
    low, high = figures["parameter-0"].layout.xaxis.range
    assert low < -4 < 0 < high
    low, high = figures["parameter-1"].layout.xaxis.range
    assert low < 1 < 9 < high
    assert list(figures["parameter-2"].layout.xaxis.range) == [-0.5, 1.5]


def test_it_says_where_it_comes_from():
    text = page_of(a_night(), believed()).text
    for fact in ("s3://tuning/ledger", "ab12", "c0ffee", "made 2026-11-04 07:30 UTC"):
        assert fact in text


def hostile() -> Campaign:
    parameters = {
        HOSTILE: {"kind": "float", "low": 0, "high": 1, "unit": HOSTILE, "description": HOSTILE},
        "choice": {"kind": "categorical", "choices": [HOSTILE, "<b>bold</b>"]},
    }
    return campaign_of(minimize=HOSTILE, parameters=parameters, description=HOSTILE, baseline=None)


def test_names_that_look_like_markup_are_only_text():
    point = {HOSTILE: 0.5, "choice": HOSTILE}
    story = Story(hostile()).tried(1, 0, 1.0, 0.1, point=point).proposed(2, 1, point).started(2, 1)
    story.failed(2, 2, message="</script>" + HOSTILE)
    found = believed(1, point=point, baseline_mean=None, baseline_sd=None, probability_better_than_baseline=None)
    page = page_of(story, found, ledger=HOSTILE)
    assert page.open == []
    assert len(page.scripts) == len(page_of(a_night(), believed()).scripts)
    assert page.text.count(HOSTILE) >= 6
    assert all("alert(" not in value for _, value in page.attributes)
    for figure in page.figures.values():
        assert "<script" not in (figure.to_json() or "")
    assert page.figures["parameter-1"].layout.xaxis.categoryarray[1] == "&lt;b&gt;bold&lt;/b&gt;"


def under_constraints() -> Story:
    rows = [{"loss": 2.0, "p99_ms": 16.0, "script": 1.0}, {"loss": 1.0, "p99_ms": 14.0, "script": 1.5}]
    return limited([*rows, {"loss": 0.5, "p99_ms": 14.0}], ["p99_ms <= 15", "script <= 2 * baseline"])


def test_the_page_has_a_row_for_each_constraint_with_the_belief_and_the_measurements():
    story = under_constraints()
    found = believed_feasible(story, 2, {"p99_ms <= 15": 0.97, "script <= 2 * baseline": 0.99}, p99_ms=14.5)
    page = page_of(story, found)
    rows = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in page.rows if "<=" in row[0]}
    assert rows == {
        "p99_ms <= 15": ["97 %", "14.50 ± 0.50", "", "14", "16", "2 of 3"],
        "script <= 2 * baselinenow at most 2": ["99 %", "", "", "1.5", "1", "2 of 3not measured by 1"],
    }
    assert "Recommended configuration (trial 2)" in page.text
    assert {"limit-0", "limit-1"} < set(page.figures)


def test_the_page_of_a_campaign_without_a_feasible_point_does_not_call_it_recommended():
    story = under_constraints()
    found = believed_feasible(story, 2, {"p99_ms <= 15": 0.4, "script <= 2 * baseline": 0.99}, p99_ms=15.5)
    page = page_of(story, found)
    assert "Closest to feasible (trial 2)" in page.text
    assert "Recommended configuration" not in page.text
    assert "no trial is known to be feasible" not in page.text


def test_before_the_first_trial_there_is_a_page_without_pictures():
    page = page_of(Story())
    assert "Nothing has been observed yet" in page.text
    assert page.open == []
    assert not any("plotly" in script for script in page.scripts)


def test_a_campaign_in_which_everything_failed_shows_the_failures():
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1).proposed(2, 1).started(2, 1).failed(2, 2)
    page = page_of(story)
    assert "0 of 10 trials observed, 2 failed" in page.text
    assert list(page.figures) == [*(f"parameter-{i}" for i in range(4)), "timeline"], "no course, but where it failed"
    assert [(t.name, list(t.x)) for t in page.figures["parameter-1"].data] == [("failed", [2, 2])]


def test_a_single_observation_is_not_called_the_best_of_all():
    page = page_of(Story().tried(1, 0, 3.0), believed(1, mean=3.0, sd=0.0, probability_best=1.0, baseline_mean=None))
    assert "loss 3 at the recommended configuration (trial 1)." in page.text
    assert "best of all" not in page.text


def test_a_baseline_that_nothing_beat_is_said_to_be_the_best():
    found = believed(1, point=BASELINE, mean=0.1, baseline_mean=0.1, probability_better_than_baseline=0.5)
    text = page_of(a_night(), found).text
    assert "Nothing better than the baseline was found: loss" in text
    assert "better than the baseline: not settled" not in text


def test_an_improvement_that_may_be_noise_is_not_settled():
    text = page_of(a_night(), believed(probability_better_than_baseline=0.71)).text
    assert "With a probability of 71 % it is better than the baseline: not settled." in text


@pytest.mark.parametrize(("before", "after", "change"), [(-2.0, -1.0, "(+50 %)"), (4.0, 5.0, "(+25 %)")])
def test_a_change_is_relative_to_the_size_of_the_baseline(before: float, after: float, change: str):
    story = Story(campaign_of(maximize="loss")).tried(1, 0, before).tried(2, 1, after)
    assert change in page_of(story, believed(mean=after, baseline_mean=before)).text


@pytest.mark.parametrize("baseline", [0.0, 1e-9])
def test_no_ratio_is_told_to_a_baseline_of_nearly_zero(baseline: float):
    assert "configuration. " in page_of(a_night(), believed(baseline_mean=baseline)).text


def test_a_running_campaign_says_how_long_it_takes_and_that_this_may_change():
    story = Story().tried(1, 0, 2.0).proposed(2, 1).started(2, 1)
    assert "Running. 1 of 10 trials observed, 1 running. About 4m 30s left." in page_of(story, believed(1)).text
    assert "Trials are still outstanding" in page_of(story, believed(1)).text
    assert "Interrupted. 1 of 10 trials observed, 1 running." in page_of(story, believed(1), alive=False).text


def test_an_open_attempt_lasts_until_now_only_while_its_controller_lives():
    def longest(page: Page) -> float:
        return max(x for bar in page.figures["timeline"].data if bar.name == "not ended" for x in bar.x)

    story = Story().tried(1, 0, 2.0).proposed(2, 1).started(2, 1)
    assert longest(page_of(story)) == pytest.approx((NOW - at(1)).total_seconds() / 3600)
    story.proposed(3, 3)
    assert longest(page_of(story, alive=False)) == pytest.approx(2 * 60)


@pytest.mark.parametrize("means", [[1.0, 1.0, 1.0], [1e-300, 2e-300], [-1e308, 1e308], [1.0, 1e9], [0.0, 0.0]])
@pytest.mark.parametrize("sem", [None, 0.0, 1e-3])
def test_any_measurements_can_be_drawn(means: list[float], sem: float | None):
    story = Story()
    for i, mean in enumerate(means):
        story.tried(i + 1, i, mean, sem)
    page = page_of(story, believed(1, mean=means[0], sd=sem or 0.0))
    assert page.open == []
    assert [y for trace in page.figures["course"].data if trace.name == "sobol" for y in trace.y] == means


@pytest.mark.slow
def test_a_thousand_trials_and_a_hundred_parameters_make_a_page():
    names = [f"p{i}" for i in range(100)]
    parameters = {name: {"kind": "float", "low": 0, "high": 1} for name in names}
    story = Story(campaign_of(parameters=parameters, baseline=None, budget={"trials": 1000}))
    for i in range(1000):
        point = {name: math.modf(i * 0.618 + j * 0.3)[0] for j, name in enumerate(names)}
        story.tried(i + 1, i, mean=float(i % 37), sem=0.5, point=point)
    last = story.history.trials[1000]
    page = page_of(story, believed(1000, point=last.point, baseline_mean=None, probability_better_than_baseline=None))
    assert sum(name.startswith("parameter-") for name in page.figures) == 30
    assert "70 more parameters are not drawn" in page.text


def test_a_trial_that_was_stopped_early_is_no_failure_and_the_page_says_why():
    story = Story().tried(1, 0, 2.0).proposed(2, 0).started(2, 0).stopped(2, 1)
    page = page_of(story, believed(1))
    assert {bar.name: len(bar.x) for bar in page.figures["timeline"].data} == {"observed": 1, "stopped early": 1}
    assert "Attempts that failed" not in page.text
    why = "at step 3 its value of loss, 4, was worse than 2, the median of 3 trials (median rule)"
    assert ["2", "stopped at step 3", why] in page.rows


def test_the_page_says_why_people_ended_trials_and_what_others_wait_for():
    story = Story().proposed(1, 0).started(1, 0).abandoned(1, 1, "the oven is needed").cancelled(1, 1)
    story.parked(2, 1, "rate is far").rejected(2, 2, "too hot").parked(3, 2, "depth is 9")
    rows = page_of(story).rows
    assert ["1", "abandoned", "the oven is needed (ada@home)"] in rows
    assert ["2", "rejected", "too hot (ada@home)"] in rows
    assert ["3", "awaiting approval", "depth is 9"] in rows


@pytest.mark.parametrize("end", ["stopped", "failed", "abandoned", "running"])
def test_where_the_baseline_has_no_result_the_page_says_so_in_the_place_of_the_comparison(end: str):
    story = Story().proposed(1, 0, BASELINE, "baseline").started(1, 0).tried(2, 0, 3.0)
    words = {
        "stopped": "which was stopped early: at step 3",
        "failed": "which failed (evaluator error): no oven.",
        "abandoned": "which was abandoned by ada@home: too hot.",
        "running": "which has not been measured.",
    }
    match end:
        case "stopped":
            story.stopped(1, 1)
        case "failed":
            story.failed(1, 1, message="no oven.\nat line 3")
        case "abandoned":
            story.abandoned(1, 1, "too hot")
    found = believed(2, mean=3.0, baseline_mean=None, baseline_sd=None, probability_better_than_baseline=None)
    assert f"There is no comparison with the baseline (trial 1), {words[end]}" in page_of(story, found).text


def test_a_reason_that_ends_with_a_dot_gets_no_second_one():
    story = Story().tried(1, 0, 2.0).finished(2)
    story.events[-1] = story.events[-1].model_copy(update={"reason": "Mend it and run the campaign again."})
    assert "Finished: Mend it and run the campaign again. 1 of 10 trials" in page_of(story, believed(1)).text


def test_a_table_of_trials_is_shown_whole_unless_it_is_long():
    def tall(trials: int) -> bool:
        story = Story(campaign_of(budget={"trials": trials}))
        for trial in range(1, trials + 1):
            story.tried(trial, trial, 1.0)
        return ("class", "scroll tall") in page_of(story, believed(1)).attributes

    assert not tall(100)
    assert tall(101)


def test_a_campaign_with_several_objectives_shows_its_front_with_intervals_probabilities_and_configurations():
    story = several()
    page = page_of(story, front_believed(story, 3))
    [headings] = [row for row in page.rows if row[:2] == ["trial", "minimize kb"]]
    assert headings == ["trial", "minimize kb", "maximize vmaf", "on the front", "rate", "depth", "mode", "cache"]
    rows = [row for row in page.rows if len(row) == 8 and row != headings]
    assert [row[0] for row in rows] == ["2", "3 recommended", "4"]
    assert rows[1][1:4] == ["200.00 ± 0.5090 %: 199.2 to 200.8", "92.00 ± 0.5090 %: 91.2 to 92.8", "90 %"]
    assert list(page.figures)[:2] == ["front-0", "course"]
    assert "kb against each parameter" in page.text
    assert "vmaf against each parameter" in page.text


def test_with_several_objectives_each_has_pictures_against_the_parameters():
    page = page_of(several())
    figures = [name for name in page.figures if name.startswith("parameter-")]
    assert figures == [f"parameter-{i}" for i in range(8)]
    places = [value for name, value in page.attributes if name == "id"]
    assert set(page.figures) <= set(places)
    drawn = {y for trace in page.figures["parameter-4"].data for y in trace.y}
    assert drawn == {row["vmaf"] for row in ROWS}


def test_names_of_objectives_are_text_on_the_page():
    rows = [{HOSTILE: 1.0, "<b>two</b>": 2.0, "c": 3.0}]
    story = several(rows, objectives=[{"minimize": name} for name in rows[0]])
    html = html_of(story, front_believed(story, 1))
    assert "<script>alert" not in html
    assert "<b>two" not in html
    assert [name for name in Page(html).figures if name.startswith("front-")] == ["front-0", "front-1", "front-2"]
