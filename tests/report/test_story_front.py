"""How a campaign with several objectives stands: the front in numbers, in a terminal and on its page."""

import io
import itertools
import random
from typing import Any

import pytest
from front_stories import OBJECTIVES, ROWS, front_believed, several
from rich.console import Console
from standing import finding_lines, status_lines, story_about
from told_stories import HOSTILE, POINT, Story, at, campaign_of

from overnight.campaign.history.events import CampaignRevised
from overnight.campaign.recommendation import Recommendation
from overnight.flows.commands.live import LiveDisplay
from overnight.report.finding import confidence_sentences, finding_sentence
from overnight.report.story import Story as Told
from overnight.report.story.goal.front import Front
from overnight.report.trial_lines import trial_lines


def front_of(story: Story, found: Recommendation | None = None) -> Front:
    front = story_about(story.history, recommendation=found).front
    assert front is not None
    return front


def text_of(story: Story, found: Recommendation | None = None) -> str:
    return "\n".join([*status_lines(story.history, recommendation=found), *finding_lines(story.history, found)])


def page_text(story: Story, found: Recommendation | None = None) -> str:
    told = story_about(story.history, recommendation=found)
    return " ".join([finding_sentence(told), *confidence_sentences(told)])


def beats(one: dict[str, float], other: dict[str, float]) -> bool:
    """Return whether a row is better in kb or vmaf and worse in neither."""
    as_good = one["kb"] <= other["kb"] and one["vmaf"] >= other["vmaf"]
    return as_good and one != other


def cloud(count: int, seed: int = 3) -> list[dict[str, float]]:
    draw = random.Random(seed)
    return [{"kb": float(draw.randrange(100, 500)), "vmaf": float(draw.randrange(70, 99))} for _ in range(count)]


def area(rows: list[dict[str, float]], kb: int, vmaf: int) -> int:
    """Count the unit squares between whole numbers that some row dominates, down to a reference."""
    squares = itertools.product(range(100, kb), range(vmaf, 100))
    return sum(any(row["kb"] <= x and row["vmaf"] >= y + 1 for row in rows) for x, y in squares)


def test_a_campaign_with_one_objective_has_no_front():
    story = Story().tried(1, 0, 2.0)
    assert story_about(story.history).front is None
    assert "front" not in text_of(story)


def test_before_a_recommendation_the_front_holds_the_measured_points_that_no_other_one_beats():
    rows = cloud(40)
    front = front_of(several(rows))
    expected = {i for i, row in enumerate(rows, 1) if not any(beats(other, row) for other in rows)}
    assert {point.trial for point in front.points} == expected
    assert not front.believed
    sizes = [point.values[0].mean for point in front.points]
    assert sizes == sorted(sizes), "better in the first objective first"


def test_the_course_is_the_area_that_the_results_up_to_each_trial_dominate():
    rows = cloud(25)
    objectives = [{"minimize": "kb", "worst": 400}, {"maximize": "vmaf", "worst": 75}]
    front = front_of(several(rows, objectives=objectives))
    areas = [area(rows[: i + 1], 400, 75) for i in range(len(rows))]
    grown = [(i + 1, areas[i]) for i in range(len(rows)) if i == 0 or areas[i] > areas[i - 1]]
    assert [(each.trial, each.hypervolume) for each in front.course] == grown
    assert front.hypervolume == areas[-1]
    assert dict(front.worst) == {"kb": 400, "vmaf": 75}
    assert front.inferred == ()


def test_a_reference_that_a_recommendation_has_recorded_is_used():
    story = several()
    front = front_of(story, front_believed(story, 3, worst={"kb": 300.0, "vmaf": 90.0}))
    assert front.hypervolume == 10 * 7 + 90 * 2
    assert "counted from kb 300 and vmaf 90 (vmaf inferred from the front)" in text_of(
        story, front_believed(story, 3, worst={"kb": 300.0, "vmaf": 90.0})
    )


def test_infeasible_results_are_not_on_the_front_and_add_no_hypervolume():
    story = several(constraints=["kb <= 250"])
    front = front_of(story)
    assert [point.trial for point in front.points] == [2, 3]
    assert front.hypervolume == pytest.approx((400 - 100) * (80 - 78.8) + (400 - 200) * (92 - 80))


def test_status_shows_the_front_as_a_table_with_the_reference():
    lines = status_lines(several().history)
    at = lines.index("on the front as measured: 3 configurations")
    assert lines[at + 1 : at + 6] == [
        "  trial  minimize kb  maximize vmaf",
        "      2  100          80",
        "      3  200          92",
        "      4  290          97",
        "hypervolume dominated as measured: 3,460, counted from kb 400 and vmaf 78.3 (vmaf inferred from the front)",
    ]
    assert not any(line.startswith("best") for line in lines)


def test_status_says_that_no_result_is_better_than_the_worst_useful_values():
    lines = status_lines(several(objectives=[{"minimize": "kb", "worst": 50}, {"maximize": "vmaf"}]).history)
    said = (
        "hypervolume dominated as measured: 0, no result is better than `worst` in every objective, counted from kb 50"
    )
    assert any(line.startswith(said) for line in lines)


def test_of_a_long_front_status_shows_a_few_points_with_both_ends_and_the_recommended_one():
    rows = [{"kb": 100.0 + i, "vmaf": 50.0 + i} for i in range(40)]
    story = several(rows)
    lines = status_lines(story.history, recommendation=front_believed(story, 3))
    at = lines.index("on the front as believed: 40 configurations")
    shown = [line.split()[0] for line in lines[at + 2 : at + 10]]
    assert {"1", "3", "40"} <= set(shown)
    assert len(shown) == 8
    assert lines[at + 10] == "  and 32 more: `overnight trials --pareto`"
    assert [line.endswith("recommended") for line in lines[at + 2 : at + 10]] == [trial == "3" for trial in shown]


def test_before_any_feasible_result_the_front_is_empty():
    for story in (several([{}]), several([{"kb": 500.0, "vmaf": 80.0}], constraints=["kb <= 9"])):
        assert "the front is empty: no feasible result yet" in status_lines(story.history)
        assert front_of(story).hypervolume is None
        assert dict(front_of(story).worst) == {}


@pytest.mark.parametrize(
    ("prefer", "preferred", "why"),
    [
        ([], None, "it is balanced: of all on the front, it dominates the largest hypervolume by itself"),
        (
            ["vmaf >= 90"],
            True,
            "it is preferred: the best in kb of those on the front that meet vmaf >= 90 with a probability of at "
            "least 95 %",
        ),
        (
            ["vmaf >= 99", "kb <= 250"],
            False,
            "nothing on the front meets vmaf >= 99 and kb <= 250 with a probability of at least 95 %: it comes closest",
        ),
    ],
    ids=["balanced", "preferred", "closest"],
)
def test_the_recommended_point_is_shown_with_the_reason(prefer: list[str], preferred: bool | None, why: str):
    story = several(prefer=prefer)
    found = front_believed(story, 3, preferred=preferred)
    for lines in (status_lines(story.history, recommendation=found), finding_lines(story.history, found)):
        assert why in lines
        assert any(line.startswith("recommended (trial 3): kb 200.00 ± 0.50, vmaf 92.00 ± 0.50") for line in lines)
    assert f"{why[0].upper()}{why[1:]}." in page_text(story, found)


def test_the_probability_of_each_preference_is_shown():
    story = several(prefer=["vmaf >= 95"])
    found = front_believed(story, 3, preferred=False, preferences={"vmaf >= 95": 0.02})
    line = (
        "nothing on the front meets vmaf >= 95 with a probability of at least 95 %: it comes closest (vmaf >= 95: 2 %)"
    )
    assert line in finding_lines(story.history, found)


def test_without_a_model_a_preference_is_met_as_measured():
    story = several(prefer=["vmaf >= 90"])
    found = front_believed(story, 3, preferred=True, without_model="no model")
    assert "on the front as measured: 3 configurations" in text_of(story, found)
    assert "of those on the front that meet vmaf >= 90 as measured" in text_of(story, found)


def test_the_baseline_is_compared_with_the_front_and_with_the_recommended_point():
    story = several()
    found = front_believed(story, 2)
    text = "2 of 3 on the front are better than the baseline in an objective and worse in none"
    versus = "the recommended one is better in kb and worse in vmaf"
    assert f"baseline: kb 300.00 ± 0.50, vmaf 90.00 ± 0.50; {text}; {versus}" in finding_lines(story.history, found)
    assert f"{text}; {versus}." in page_text(story, found)
    baseline = front_of(story, found).baseline
    assert baseline is not None
    assert baseline.dominated_by == (3, 4)
    assert baseline.dominated_by == tuple(i for i in (2, 3, 4) if beats(ROWS[i - 1], ROWS[0]))


def test_the_probabilities_of_the_recommended_point_are_about_the_front_and_every_objective():
    story = several()
    found = front_believed(story, 3)
    lines = finding_lines(story.history, found)
    assert "probability of being on the front: 90 %" in lines
    assert "probability that the recommended one is better in every objective: 80 %" in lines
    assert "best of all" not in text_of(story, found) + page_text(story, found)


def test_a_point_that_is_worse_in_an_objective_has_no_probability_of_being_better_in_all():
    story = several()
    found = front_believed(story, 2)
    assert "better in every objective" not in text_of(story, found) + page_text(story, found)


def test_figures_that_are_exact_for_one_objective_only_are_described_for_each():
    rows = [row | {"vmaf": row["vmaf"] + i} for i in range(4) for row in ROWS[:1]]
    story = several([*ROWS, *rows])
    for i in range(len(story.events)):
        if story.events[i].kind == "trial_proposed" and story.events[i].trial > 5:
            story.events[i] = story.events[i].model_copy(update={"point": story.campaign.baseline})
    found = front_believed(story, 3)
    assert "kb from 300 at the baseline to 200 and vmaf from 90.00 ± 0.50 to 92.00 ± 0.50" in page_text(story, found)
    assert "± one standard deviation for vmaf, and as measured for the others." in page_text(story, found)


def test_the_finding_is_one_sentence_with_the_values_of_all_objectives():
    story = several()
    assert finding_sentence(story_about(story.history, recommendation=front_believed(story, 3))) == (
        "kb from 300.00 ± 0.50 at the baseline to 200.00 ± 0.50 and vmaf from 90.00 ± 0.50 to 92.00 ± 0.50 at the "
        "recommended configuration, one of 3 configurations on the front."
    )
    story = several(baseline=None)
    assert finding_sentence(story_about(story.history, recommendation=front_believed(story, 3))) == (
        "kb 200.00 ± 0.50 and vmaf 92.00 ± 0.50 at the recommended configuration (trial 3), one of 3 configurations "
        "on the front."
    )


def test_the_finding_about_many_objectives_has_no_values():
    rows = [{"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, {"a": 2.0, "b": 1.0, "c": 4.0, "d": 4.0}]
    story = several(rows, objectives=[{"maximize": name} for name in "abcd"])
    assert finding_sentence(story_about(story.history, recommendation=front_believed(story, 2))) == (
        "2 configurations on the front; trial 2 is recommended, which compared with the baseline is better in a and c "
        "and worse in b."
    )


def test_exact_measurements_are_shown_without_a_deviation():
    story = several(noise="none")
    found = front_believed(story, 3, sd=1e-5)
    assert "recommended (trial 3): kb 200, vmaf 92" in text_of(story, found)
    assert "kb from 300 at the baseline to 200 and vmaf from 90 to 92" in page_text(story, found)


def test_without_a_model_every_trial_shows_its_measured_values_and_whether_it_is_on_the_front():
    table = trial_lines(several().history)
    assert table["headings"][:6] == ["trial", "status", "front", "kb", "vmaf", "rate"]
    assert [line["cells"][:3] for line in table["lines"]] == [
        ["", "300", "90"],
        ["yes", "100", "80"],
        ["yes", "200", "92"],
        ["yes", "290", "97"],
        ["", "350", "70"],
    ]


def test_while_it_runs_each_ended_trial_shows_all_objectives():
    story = several(ROWS[:2]).proposed(3, 9).started(3, 9).proposed(4, 9).started(4, 9)
    console = Console(file=io.StringIO(), width=200)
    with LiveDisplay(story.campaign, console) as display:
        display.watch(story.history)
        display.watch(story.observed(3, 10, 200.0, vmaf=92.0).history)
        display.watch(story.observed(4, 11, 250.0, vmaf=91.0).history)
    assert console.file.getvalue() == (  # pyright: ignore
        "rates: minimize kb and maximize vmaf in 10 trials with 2 workers\n"
        "trial   3  kb 200, vmaf 92  (sobol)  on the front\n"
        "trial   4  kb 250, vmaf 91  (sobol)\n"
    )


def test_while_it_runs_a_trial_outside_of_a_revised_space_is_not_on_the_front_and_keeps_no_other_one_off_it():
    story = several([{}, {"kb": 100.0, "vmaf": 99.0}]).proposed(3, 9, {**POINT, "rate": 0.2}).started(3, 9)
    story.proposed(4, 9, {**POINT, "rate": 0.9}).started(4, 9)
    parameters = story.campaign.model_dump(mode="json")["parameters"]
    parameters["rate"]["high"] = 0.5
    narrower = campaign_of(objectives=OBJECTIVES, parameters=parameters)
    console = Console(file=io.StringIO(), width=200)
    with LiveDisplay(story.campaign, console) as display:
        display.watch(story.history)
        story.events.append(CampaignRevised(time=at(9), actor="ada", revision=1, definition=narrower))
        display.watch(story.observed(3, 10, 200.0, vmaf=92.0).history)
        display.watch(story.observed(4, 11, 90.0, vmaf=99.5).history)
    _, inside, outside = console.file.getvalue().splitlines()  # pyright: ignore
    assert inside == "trial   3  kb 200, vmaf 92  (sobol)  on the front"
    assert outside == "trial   4  kb 90, vmaf 99.5  (sobol)"


def test_the_gain_that_is_left_is_in_hypervolume():
    story = several(stop_when={"expected_gain_below": 5}).proposed(6, 20, generator="model")
    proposed = story.events[-1]
    made = proposed.provenance  # pyright: ignore
    chosen = made.chosen.model_copy(update={"expected_gain": 3.2})
    made = made.model_copy(update={"chosen": chosen})
    story.events[-1] = proposed.model_copy(update={"provenance": made})
    assert "one more trial is expected to enlarge the dominated hypervolume by 3.2" in text_of(story)


@pytest.mark.parametrize("scale", [1e9, 1e-9, 1e300, 1e-300])
def test_any_names_and_scales_survive_json_and_are_shown(scale: float):
    name = f"{HOSTILE} [µs] \x1b"
    rows = [{name: row["kb"] * scale, "vmaf": row["vmaf"]} for row in ROWS]
    story = several(rows, objectives=[{"minimize": name}, {"maximize": "vmaf"}])
    for found in (None, front_believed(story, 3, sd=scale)):
        told = story_about(story.history, recommendation=found)
        assert Told.model_validate_json(told.model_dump_json()) == told
        assert "3 configurations" in text_of(story, found)
        assert page_text(story, found)


@pytest.mark.parametrize("rows", [ROWS[:1], [ROWS[0]] * 4, cloud(300)], ids=["one", "equal", "many"])
def test_any_number_of_points_has_a_front_that_no_measured_point_beats(rows: list[dict[str, float]]):
    changes: dict[str, Any] = {"objectives": [OBJECTIVES[0], OBJECTIVES[1] | {"worst": 60}]}
    story = several(rows, **changes)
    on_it = [rows[point.trial - 1] for point in front_of(story).points]
    assert on_it
    assert not any(beats(other, row) for row in on_it for other in rows)


def test_a_large_front_of_many_objectives_has_no_hypervolume():
    draw = random.Random(1)
    rows = [{name: draw.random() for name in "abcdef"} for _ in range(250)]
    story = several(rows, objectives=[{"maximize": name} for name in "abcdef"])
    front = front_of(story)
    assert len(front.points) > 100
    assert front.hypervolume is None
    assert front.course == ()
    assert "hypervolume" not in text_of(story)
