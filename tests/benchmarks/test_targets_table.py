"""The table that compares targets with distances that are minimized, and a short campaign of each."""

from benchmarks.targets import TASKS, run, table


def test_medians_of_both_ways_are_next_to_the_seeds_in_which_the_metric_came_closer():
    pairs = [((1e-6, 1e-7), (0.01, 0.01)), ((2e-6, 2e-7), (0.03, 0.02)), ((0.5, 0.4), (0.02, 0.01))]
    [*_, line] = table({"branin, 2": pairs})
    assert line == "| branin, 2 | 2e-06 | 0.02 | 2 of 3 | 2e-07 | 0.01 |"


def test_targets_but_that_out_of_reach_are_reached_at_some_points():
    for task in TASKS.values():
        ends = [task.metric([value] * task.d) for value in (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)]
        assert (min(ends) < task.target < max(ends)) is (task.least == 0.0)


def test_a_campaign_of_each_way_ends_with_distances_of_the_recommended_point_and_of_the_best_trial():
    metric, distance = (run("branin, 2", 0, learns_metric=way) for way in (True, False))
    assert metric[0] < 1e-4 < distance[0]
    assert metric[1] <= distance[1]
