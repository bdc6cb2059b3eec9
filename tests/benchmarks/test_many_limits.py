"""The table of campaigns under many limits."""

import math

from benchmarks.many_limits import table


def row(function: int, instance: int, *regrets: float) -> dict[str, object]:
    return {"function": function, "instance": instance, "regrets": [math.nan] * 9 + list(regrets), "infeasible": 7}


def test_a_campaign_without_a_feasible_point_counts_as_infinitely_far_from_the_optimum():
    [*_, line] = table([row(5, 1, math.nan), row(5, 2, math.nan), row(5, 3, 2.0)])
    assert line.split(" | ")[:6] == ["| f005", "3", "inf", "inf", "inf", "2 to inf"]


def test_medians_are_next_to_the_published_ones():
    [*_, line] = table([row(53, 1, 3.0), row(53, 2, 1.0), row(53, 3, 2.0)])
    assert line == "| f053 | 3 | inf | inf | 2 | 1 to 3 | 7 | 742 | 875 | 1370 |"


def test_a_function_without_published_medians_has_empty_cells():
    [*_, line] = table([row(7, 1, 3.0)])
    assert line.endswith("| 7 |  |  |  |")
