import math

import pytest
from told_stories import campaign_of

from overnight.campaign.insight import Slice
from overnight.campaign.parameters import Value
from overnight.report.phrases.insight import slice_text
from overnight.report.story.insight.insight import ShownMetric, ShownSlice
from overnight.report.story.insight.shape import shape_of


def words(parameter: str, means: dict[Value, float | None], *, maximize: bool = False, certain: float = 0.999) -> str:
    """Return the title of a slice with these means."""
    found = campaign_of().parameters.root[parameter]
    mean = tuple(means.values())
    each = Slice(parameter=parameter, values=tuple(means), mean=mean, low=mean, high=mean, certain=certain)
    shown = ShownSlice(slice=each, shape=shape_of(each, found, maximize=maximize))
    of = ShownMetric(
        metric="loss",
        maximize=maximize,
        importance=(),
        leading=(),
        slices=(shown,),
        contour=None,
        pairs=(),
        judgement=None,
        at_bounds=(),
    )
    return slice_text(of, shown, found)


RATES = [10.0 ** (-4 + 0.1 * i) for i in range(41)]


def test_a_metric_that_is_best_between_the_ends_is_best_near_a_value() -> None:
    bowl: dict[Value, float | None] = {rate: (math.log10(rate) + 2) ** 2 for rate in RATES}
    assert words("rate", bowl) == "loss is lowest near rate = 0.01 1/s"
    assert words("rate", {rate: -(mean or 0.0) for rate, mean in bowl.items()}, maximize=True) == (
        "loss is highest near rate = 0.01 1/s"
    )
    assert words("rate", bowl, maximize=True) == "loss is lowest near rate = 0.01 1/s"


@pytest.mark.parametrize(
    ("maximize", "up", "down"),
    [(False, "loss falls with rate", "loss rises with rate"), (True, "loss rises with rate", "loss falls with rate")],
)
def test_a_metric_that_improves_all_the_way_rises_or_falls(maximize: bool, up: str, down: str) -> None:
    sign = 1 if maximize else -1
    assert words("rate", {rate: sign * math.log10(rate) for rate in RATES}, maximize=maximize) == up
    assert words("rate", {rate: -sign * math.log10(rate) for rate in RATES}, maximize=maximize) == down


def test_a_metric_that_changes_no_more_from_some_value_on_names_it() -> None:
    level_above: dict[Value, float | None] = {rate: -min(math.log10(rate), -2.0) for rate in RATES}
    assert words("rate", level_above).startswith("loss falls with rate up to 0.0")
    level_below: dict[Value, float | None] = {rate: max(math.log10(rate), -2.0) for rate in RATES}
    assert words("rate", level_below).startswith("loss rises with rate from 0.01")


def test_a_hump_is_named_by_its_worst_value() -> None:
    hump: dict[Value, float | None] = {depth: -float(abs(depth - 5)) for depth in range(1, 10)}
    assert words("depth", hump) == "loss is highest near depth = 5"


def test_of_choices_the_best_is_named() -> None:
    assert words("mode", {"slow": 2.0, "fast": 1.0}) == "loss is lowest with mode = fast"
    assert words("cache", {False: 2.0, True: 1.0}, maximize=True) == "loss is highest with cache = false"


def test_an_effect_that_is_not_certain_is_not_stated() -> None:
    assert words("depth", {1: 1.0, 9: 2.0}, certain=0.9) == "Uncertain effect of depth on loss"
    assert words("depth", {1: 1.0, 9: 1.0}) == "Uncertain effect of depth on loss"


def test_values_that_constraints_forbid_do_not_count() -> None:
    assert words("depth", {1: 1.0, 5: 2.0, 9: None}) == "loss rises with depth"
