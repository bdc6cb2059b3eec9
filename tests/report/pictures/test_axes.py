"""The choice of a logarithmic axis, and the drawing of trials without a value."""

import math
import random
import sys
from collections.abc import Sequence

import pytest
from told_stories import POINT, Story, campaign_of

from overnight.campaign.parameters import BoolParameter, FloatParameter, IntParameter
from overnight.report.pictures.axes import parameter_axis, place, spans_decades
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.trace_picture import trace_picture

LUCK = random.Random(1)
NORMALS = [LUCK.gauss(0, 1) for _ in range(60)]


def told(values: Sequence[float], sem: float | None = None) -> Story:
    story = Story(campaign_of(baseline=None, budget={"trials": 100}))
    for i, value in enumerate(values, 1):
        # The points differ, because repeated measurements would reveal the noise.
        story.tried(i, i, value, sem, point=POINT | {"rate": 1e-4 + i * 1e-3})
    return story


def logarithmic(values: Sequence[float], sem: float | None = None) -> bool:
    return spans_decades(told(values, sem).history.model_view().observed, "loss")


@pytest.mark.parametrize(
    "values",
    [
        [abs(v) for v in NORMALS],
        [v * v for v in NORMALS],
        [0.003, 0.4, 1.1, 2.0, 8.0, 20.0],
        [1e-9, *(1.0 + abs(v) for v in NORMALS)],
        [1.0 + v / 10 for v in NORMALS],
        [-1.0, 1.0, 1e6, 1e9],
        [0.0, 1.0, 1e6, 1e9],
        [1e-3, 1e3],
        [5.0],
    ],
    ids=["noise", "squares", "one near zero", "one far below", "narrow", "negative", "zero", "two", "one"],
)
def test_noise_a_lucky_value_and_negative_ones_make_no_decades(values: list[float]):
    assert not logarithmic(values)


@pytest.mark.parametrize(
    "values",
    [[10.0**i for i in range(-3, 5)], [0.3, 0.4, 0.5, 0.45, 1e7], [math.exp(3 * v) for v in NORMALS]],
    ids=["decades", "one that diverged", "log-normal"],
)
def test_decades_are_drawn_as_decades(values: list[float]):
    assert logarithmic(values)
    assert logarithmic(values, sem=min(values) / 100)


def test_decades_within_the_noise_are_none():
    values = [10.0**i for i in range(-3, 5)]
    assert not logarithmic(values, sem=0.5)
    assert not logarithmic([1e-3, 2e-3, 5e-3, 1.0, 10.0], sem=0.05), "an error bar below zero"


def test_what_repetitions_differ_by_is_noise():
    story = told([5.0, 50.0, 500.0])
    for i, value in enumerate((1e-3, 3e-3, 2e-3, 9e-2), 10):
        story.tried(i, i, value)
    assert not spans_decades(story.history.model_view().observed, "loss")


def test_a_logarithmic_axis_says_so_in_every_picture():
    story = told([10.0**i for i in range(-3, 5)])
    pictures = Pictures(story.history, None)
    assert pictures.course()["layout"]["yaxis"]["title"]["text"] == "loss, logarithmic"
    assert pictures.parameter("depth")["layout"]["yaxis"]["title"]["text"] == "logarithmic"
    assert pictures.parameter("rate")["layout"]["xaxis"]["title"]["text"] == "logarithmic"
    assert "loss, logarithmic" in (trace_picture(story.history) or "")
    plain = told([1.0, 2.0, 3.0])
    assert Pictures(plain.history, None).course()["layout"]["yaxis"]["title"]["text"] == "loss"
    assert "logarithmic" not in (trace_picture(plain.history) or "")


def test_the_ticks_of_a_logarithmic_axis_are_numbers_as_the_text_has_them():
    axis = Pictures(told([10.0**i for i in range(-3, 5)]).history, None).course()["layout"]["yaxis"]
    assert dict(zip(axis["ticktext"], axis["tickvals"], strict=True)) == {
        "0.001": 1e-3,
        "0.1": 0.1,
        "10": 10.0,
        "1,000": 1e3,
    }


@pytest.mark.parametrize(("low", "high"), [(2.1, 4.9), (0.03, 0.04)])
def test_a_logarithmic_axis_without_a_round_number_has_ticks_at_its_ends(low: float, high: float):
    axis = parameter_axis(FloatParameter(kind="float", low=low, high=high, scale="log"))
    assert axis["tickvals"] == [low, high]


@pytest.mark.parametrize("far", [[26.0, 24.0, 16.0], [26.0]])
def test_results_far_worse_than_most_do_not_flatten_the_pictures_and_are_counted(far: list[float]):
    pictures = Pictures(told([*far, *(0.1 + i / 100 for i in range(30))]).history, None)
    for figure in (pictures.course(), pictures.parameter("rate")):
        low, high = figure["layout"]["yaxis"]["range"]
        assert low < 0.1
        assert 0.39 < high < 1.0
    assert pictures.beyond == len(far)


def test_the_recommended_result_and_the_baseline_are_always_in_the_picture():
    found = told([26.0, *(0.1 + i / 100 for i in range(30))])
    assert Pictures(found.history, recommended=2).beyond == 1
    assert Pictures(found.history, recommended=1).beyond == 0
    story = Story(campaign_of(budget={"trials": 100})).tried(1, 1, 26.0, generator="baseline")
    for i in range(2, 33):
        story.tried(i, i, 0.1 + i / 100, point=POINT | {"rate": i / 100})
    assert Pictures(story.history, recommended=2).beyond == 0


def test_the_best_results_are_in_the_picture_however_far_they_lie_from_most():
    pictures = Pictures(told([-26.0, *(0.1 + i / 100 for i in range(30))]).history, None)
    assert pictures.beyond == 0


def test_what_failed_or_was_stopped_is_in_the_pictures_of_the_parameters_with_its_reason():
    story = told([1.0, 2.0]).proposed(3, 5, POINT | {"depth": 9}).started(3, 5).failed(3, 6, message="no\x1boven\nat 3")
    story.proposed(4, 7, POINT | {"depth": 1}).started(4, 7).stopped(4, 8)
    pictures = Pictures(story.history, None)
    for picture in (pictures.parameter("depth"), pictures.course()):
        strip = {trace["name"]: trace for trace in picture["data"] if trace.get("yaxis") == "y2"}
        assert list(strip) == ["failed", "stopped early"]
        assert "failed (evaluator error): no\\x1boven" in strip["failed"]["hovertext"][0]
    assert [trace["x"] for trace in strip.values()] == [[3], [4]]
    assert pictures.parameter("depth")["data"][-2]["x"] == [9]


def test_of_very_many_trials_the_best_and_an_even_part_are_drawn_and_the_line_knows_all():
    values = [10.0 + (i * 7919) % 1301 for i in range(1300)]
    story = told(values)
    pictures = Pictures(story.history, recommended=1234)
    line, *points = pictures.course()["data"]
    drawn = {x for trace in points for x in trace["x"]}
    assert len(drawn) <= 1001
    assert {values.index(v) + 1 for v in sorted(values)[:250]} <= drawn
    assert {1, 1234, 1300} <= drawn
    running = [min(values[: i + 1]) for i in range(1300)]
    steps = dict(zip(line["x"], line["y"], strict=True))
    assert all(running[x - 1] == y for x, y in steps.items())
    assert {i + 1 for i in range(1, 1300) if running[i] != running[i - 1]} <= set(steps)


@pytest.mark.parametrize(
    "parameter",
    [
        FloatParameter(kind="float", low=1e308, high=sys.float_info.max),
        FloatParameter(kind="float", low=-sys.float_info.max, high=-1e308),
        FloatParameter(kind="float", low=1e300, high=sys.float_info.max, scale="log"),
        FloatParameter(kind="float", low=5e-324, high=1e-300, scale="log"),
    ],
    ids=str,
)
def test_an_axis_between_bounds_at_the_ends_of_the_floats_has_a_range_and_ticks_that_are_numbers(
    parameter: FloatParameter,
):
    axis = parameter_axis(parameter)
    assert all(math.isfinite(number) for number in axis["range"])
    low, high = axis["range"] if parameter.scale == "linear" else (parameter.low, parameter.high)
    assert all(low <= tick <= high for tick in axis.get("tickvals", ()))


def test_the_axis_of_a_switch_has_false_and_true():
    switch = BoolParameter(kind="bool")
    axis = parameter_axis(switch)
    assert (axis["type"], axis["tickvals"], axis["ticktext"]) == ("category", ["false", "true"], ["false", "true"])
    assert [place(switch, value) for value in (False, True)] == axis["tickvals"]


def test_a_few_steps_are_the_ticks_of_their_axis_and_many_are_not():
    few = FloatParameter(kind="float", low=0.1, high=0.5, step=0.1)
    axis = parameter_axis(few)
    assert axis["tickvals"] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert axis["ticktext"] == ["0.1", "0.2", "0.3", "0.4", "0.5"]
    sizes = parameter_axis(IntParameter(kind="int", low=64, high=256, step=64, scale="log"))
    assert (sizes["type"], sizes["tickvals"]) == ("log", [64, 128, 192, 256])
    many = parameter_axis(IntParameter(kind="int", low=0, high=1000, step=10))
    assert "tickvals" not in many
    assert many["tickformat"] == "d"


LOGIT_BOUNDS = [
    *((0.001, 0.999), (0.01, 0.5), (1e-6, 1 - 1e-6), (0.4, 0.6)),
    *((0.61, 0.69), (0.9, 0.9999), (5e-324, 1 - 2**-53)),
]


@pytest.mark.parametrize(("low", "high"), LOGIT_BOUNDS)
def test_a_logit_axis_has_a_few_ticks_inside_its_range_whose_texts_are_the_values_there(low: float, high: float):
    parameter = FloatParameter(kind="float", low=low, high=high, scale="logit")
    axis = parameter_axis(parameter)
    assert (axis["type"], axis["title"]["text"]) == ("linear", "logit")
    assert 2 <= len(axis["tickvals"]) <= 7
    assert axis["tickvals"] == sorted(axis["tickvals"])
    assert axis["range"][0] <= axis["tickvals"][0] < axis["tickvals"][-1] <= axis["range"][1]
    assert len(set(axis["ticktext"])) == len(axis["ticktext"])
    assert "1" not in axis["ticktext"]
    # A point at the value of a tick lies at the tick.
    for text, tick in zip(axis["ticktext"], axis["tickvals"], strict=True):
        if "×" not in text and low > 1e-9:
            assert place(parameter, float(text)) == pytest.approx(tick)


def test_the_ticks_of_a_logit_axis_are_those_that_a_person_expects():
    axis = parameter_axis(FloatParameter(kind="float", low=0.001, high=0.999, scale="logit"))
    assert axis["ticktext"] == ["0.001", "0.01", "0.1", "0.5", "0.9", "0.99", "0.999"]


def test_pictures_of_new_kinds_place_each_trial_on_its_axis():
    parameters = {
        "rate": {"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit"},
        "depth": {"kind": "int", "low": 0, "high": 100, "step": 25},
        "cache": {"kind": "bool"},
    }
    story = Story(campaign_of(parameters=parameters, baseline=None))
    for i, (rate, depth, cache) in enumerate([(0.5, 25, True), (0.9, 75, False)], 1):
        story.tried(i, i, float(i), point={"rate": rate, "depth": depth, "cache": cache})
    pictures = Pictures(story.history, None)
    drawn = {name: pictures.parameter(name)["data"][0] for name in parameters}
    assert drawn["rate"]["x"] == pytest.approx([0.0, math.log(9)])
    assert drawn["depth"]["x"] == [25, 75]
    assert drawn["cache"]["x"] == ["true", "false"]
    assert "rate = 0.9" in drawn["rate"]["customdata"][1]
    assert "cache = true" in drawn["cache"]["customdata"][0]


def test_the_line_of_the_best_so_far_leaves_out_results_that_look_like_glitches():
    history = told([3.0, -9.0, 2.0]).history
    [line, *points] = Pictures(history, None, doubted={2}).course()["data"]
    assert line["y"] == [3.0, 2.0]
    assert [value for trace in points for value in trace["y"]] == [3.0, -9.0, 2.0]
