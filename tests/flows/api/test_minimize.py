"""A function of the caller's own process is minimized in one call."""

import threading

import numpy as np
import pytest

from overnight import (
    AskLater,
    AskTell,
    CampaignStopped,
    Infeasible,
    InvalidDefinition,
    maximize,
    minimize,
    open_campaign,
)


def bowl(params):
    return (params["x"] - 0.3) ** 2


def points(result):
    return [trial.point for _, trial in sorted(result.history.trials.items())]


def test_three_lines_find_a_minimum():
    found = minimize(bowl, {"x": (0, 1)}, trials=12)
    assert abs(found.recommendation.point["x"] - 0.3) < 0.05
    assert found.history.trials.observed == 12


def test_a_maximum_is_found_in_the_same_way():
    found = maximize(lambda params: -bowl(params), {"x": (0, 1)}, trials=12)
    assert abs(found.recommendation.point["x"] - 0.3) < 0.05


def test_ranges_pairs_lists_and_mappings_declare_parameters():
    space = {
        "pair": (0, 1),
        "whole": range(2, 11, 4),
        "down": range(3, 0, -1),
        "name": ["b", "a"],
        "steps": [1, 10, 100],
        "falling": [3.0, 1.5],
        "mixed": [10, 1, 100],
        "switch": [True, False],
        "log": {"kind": "float", "low": 0.01, "high": 1, "scale": "log"},
    }
    seen = minimize(lambda params: params["pair"], space, trials=6, proposer={"kind": "sobol"})
    declared = seen.history.definition.parameters.root
    assert {name: each.kind for name, each in declared.items()} == {
        "pair": "float",
        "whole": "int",
        "down": "int",
        "name": "categorical",
        "steps": "ordinal",
        "falling": "ordinal",
        "mixed": "categorical",
        "switch": "bool",
        "log": "float",
    }
    assert {point["whole"] for point in points(seen)} <= {2, 6, 10}
    assert {point["down"] for point in points(seen)} <= {1, 2, 3}
    assert all(isinstance(point["pair"], float) for point in points(seen))


@pytest.mark.parametrize("given", [3, (0,), (0, "1"), (False, True), [], ["a"], range(3, 4), range(0), "ab", None])
def test_anything_else_is_refused_with_its_name(given):
    with pytest.raises(InvalidDefinition, match=r"`parameters\.x`: expected a pair of numbers \(low, high\), .*, got "):
        minimize(bowl, {"x": given})


def test_the_keys_of_a_campaign_file_are_further_arguments():
    def evaluate(params):
        return {"loss": params["x"], "ms": 10 - 5 * params["x"]}

    found = minimize(evaluate, {"x": (0, 1)}, metric="loss", trials=12, name="limited", constraints=["ms <= 8"], seed=4)
    assert found.history.definition.name == "limited"
    assert 0.39 < found.recommendation.point["x"] < 0.5
    with pytest.raises(InvalidDefinition, match="did you mean `noise`"):
        minimize(bowl, {"x": (0, 1)}, nois="none")


def test_a_budget_keeps_its_other_limits():
    found = minimize(bowl, {"x": (0, 1)}, trials=9, budget={"evaluations": 4})
    assert found.history.trials.observed == 4


def test_several_workers_call_at_the_same_time():
    together = threading.Barrier(3, timeout=60)

    def evaluate(params):
        if together.n_waiting or not together.broken:
            together.wait()
        return bowl(params)

    found = minimize(evaluate, {"x": (0, 1)}, trials=6, workers=3, confirm="never")
    assert found.history.trials.observed == 6


def test_one_worker_calls_in_the_thread_of_the_caller():
    threads = set()

    def evaluate(params):
        threads.add(threading.current_thread())
        return bowl(params)

    minimize(evaluate, {"x": (0, 1)}, trials=3)
    assert threads == {threading.current_thread()}


def test_a_failure_is_a_failed_trial_and_the_search_continues():
    def evaluate(params):
        if params["x"] > 0.9:
            raise Infeasible("too far")
        if params["x"] < 0.1:
            raise ZeroDivisionError("too near")
        return bowl(params)

    found = minimize(evaluate, {"x": (0, 1)}, trials=12, start_with=[{"x": 0.95}, {"x": 0.05}])
    assert [trial.outcome.cause for trial in list(found.history.trials.values())[:2]] == ["infeasible", "configuration"]
    assert abs(found.recommendation.point["x"] - 0.3) < 0.05


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda params: params["y"], "KeyError: 'y'"),
        (lambda params: None, "expected a finite number as mean, got None"),
        (lambda params: float("nan"), "expected a finite number as mean, got nan"),
        (lambda: 1.0, "positional argument"),
    ],
)
def test_a_function_that_always_fails_stops_the_search_with_its_error(wrong, text, workers):
    with pytest.raises(CampaignStopped, match="5 trials in a row failed") as stopped:
        minimize(wrong, {"x": (0, 1)}, trials=30, workers=workers)
    assert text in str(stopped.value)
    assert "Nothing was written" not in str(stopped.value)
    assert stopped.value.__cause__ is not None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_function_that_fails_in_each_of_a_few_trials_is_an_error_and_not_an_empty_result(tmp_path, workers):
    def evaluate(params):
        raise ZeroDivisionError("no such loss")

    text = r"2 of 2 failed.*no such loss"
    with pytest.raises(CampaignStopped, match=text) as stopped:
        minimize(evaluate, {"x": (0, 1)}, trials=2, workers=workers, ledger=tmp_path)
    assert isinstance(stopped.value.__cause__, ZeroDivisionError)
    # The same call evaluates nothing more, and its answer is the same.
    with pytest.raises(CampaignStopped, match=text):
        minimize(evaluate, {"x": (0, 1)}, trials=2, workers=workers, ledger=tmp_path)


def test_a_few_failures_beside_a_result_and_points_that_are_all_infeasible_are_no_error():
    def fails_once(params):
        if params["x"] < 0.1:
            raise ZeroDivisionError("too near")
        return bowl(params)

    def infeasible(params):
        raise Infeasible("too far")

    assert (
        minimize(fails_once, {"x": (0, 1)}, trials=2, start_with=[{"x": 0.05}, {"x": 0.5}]).recommendation is not None
    )
    assert minimize(infeasible, {"x": (0, 1)}, trials=2).recommendation is None


def test_the_same_call_continues_an_interrupted_one(tmp_path):
    calls = []

    def evaluate(params):
        calls.append(params["x"])
        if len(calls) == 4:
            raise KeyboardInterrupt
        return bowl(params)

    with pytest.raises(KeyboardInterrupt):
        minimize(evaluate, {"x": (0, 1)}, trials=8, ledger=str(tmp_path))
    found = minimize(evaluate, {"x": (0, 1)}, trials=8, ledger=str(tmp_path))
    assert found.history.trials.observed == len(found.history.trials) == 8
    assert len(calls) == 9
    assert calls[3] == calls[4]
    assert len(minimize(evaluate, {"x": (0, 1)}, trials=10, ledger=str(tmp_path)).history.trials) == 10


def test_a_trial_that_a_killed_process_had_begun_is_tried_again(tmp_path):
    source = {"name": "minimize", "minimize": "value", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}}
    lost = AskTell(source | {"budget": {"trials": 4}, "ledger": str(tmp_path)}).ask()
    found = minimize(bowl, {"x": (0, 1)}, trials=4, ledger=str(tmp_path))
    assert found.history.trials[lost.id].outcome.kind == "observed"
    assert found.history.trials[lost.id].attempts[0].failed.cause == "infrastructure"


def test_a_campaign_that_waits_for_people_returns_to_the_caller(tmp_path):
    with pytest.raises(AskLater, match="approval"):
        minimize(bowl, {"x": (0, 1)}, trials=4, ledger=str(tmp_path), approve="always")


def test_nothing_is_kept_without_a_ledger(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    minimize(bowl, {"x": (0, 1)}, trials=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_exception_that_ends_a_program_ends_the_call_and_says_nothing_about_its_point(tmp_path, workers, end):
    calls = []

    def evaluate(params):
        calls.append(params["x"])
        if len(calls) == 2:
            raise end
        return bowl(params)

    def search():
        return minimize(evaluate, {"x": (0, 1)}, trials=6, workers=workers, ledger=str(tmp_path))

    with pytest.raises(end):
        search()
    assert search().history.trials.observed == 6


def test_results_that_have_come_when_a_search_stops_are_recorded(tmp_path):
    together, first = threading.Barrier(3), []

    def evaluate(params):
        together.wait()
        if params["x"] == 0.2:
            raise ValueError("no result")
        first.append(params["x"])
        return bowl(params)

    with pytest.raises(CampaignStopped, match="no result"):
        minimize(
            evaluate,
            {"x": (0, 1)},
            trials=3,
            workers=3,
            ledger=str(tmp_path),
            failures={"max_in_a_row": 1},
            start_with=[{"x": 0.2}, {"x": 0.4}, {"x": 0.6}],
        )
    trials = open_campaign(tmp_path).history.trials
    assert trials.observed == len(first)


def test_values_of_numpy_keep_their_types():
    space = {
        "whole": list(np.arange(1, 4)),
        "mixed": [np.int64(5), "a"],
        "switch": {"kind": "categorical", "choices": [np.True_, np.False_]},
        "fixed": {"kind": "fixed", "value": np.int64(7)},
    }
    for point in points(minimize(lambda params: params["whole"], space, trials=3)):
        assert type(point["whole"]) is int
        assert point["mixed"] == "a" or type(point["mixed"]) is int
        assert type(point["switch"]) is bool
        assert type(point["fixed"]) is int


def test_a_long_range_is_a_range():
    seen = minimize(lambda params: params["x"], {"x": range(0, 10**15, 10)}, trials=2)
    assert all(point["x"] % 10 == 0 for point in points(seen))
    with pytest.raises(InvalidDefinition, match=r"parameters\.x"):
        minimize(bowl, {"x": range(10**20)}, trials=2)


def test_a_budget_that_is_no_mapping_is_refused_by_its_name():
    with pytest.raises(InvalidDefinition, match="budget"):
        minimize(bowl, {"x": (0, 1)}, budget=3)


def test_a_ledger_may_be_given_as_a_path(tmp_path):
    minimize(bowl, {"x": (0, 1)}, trials=2, ledger=tmp_path)
    assert open_campaign(tmp_path).history.trials.observed == 2
