"""The questions of the speed benchmark, and their form for this project."""

import numpy as np
import pytest

from benchmarks.speed.problem import Cell, grid, problem_of
from benchmarks.speed.told import Told, told_history
from benchmarks.speed.worker import WARM_UP, answer, proposer_of
from overnight.campaign.history.provenance import MadeBy, Provenance


def test_the_grid_has_every_combination():
    assert len(grid()) == 32


def test_a_cell_is_read_as_it_is_printed():
    cell = Cell(100, 6, 8, 4)
    assert Cell.of(str(cell)) == cell
    with pytest.raises(ValueError, match="expected n/d/pending/q"):
        Cell.of("100/6")


def test_a_question_is_the_same_each_time_and_lies_in_the_cube():
    cell = Cell(30, 20, 8, 1)
    one, other = problem_of(cell, 1), problem_of(cell, 1)
    assert np.array_equal(one.X, other.X)
    assert np.array_equal(one.y, other.y)
    assert (one.X.shape, one.y.shape, one.pending.shape) == ((30, 20), (30,), (8, 20))
    assert ((one.X > 0.0) & (one.X < 1.0)).all()
    assert not np.array_equal(one.X, problem_of(cell, 2).X)


def test_cells_that_differ_only_in_what_is_pending_hold_the_same_results():
    some, none = problem_of(Cell(30, 6, 8, 4), 1), problem_of(Cell(30, 6, 0, 1), 1)
    assert np.array_equal(some.X, none.X)
    assert np.array_equal(some.y, none.y)


def test_the_second_half_is_better_than_the_first():
    problem = problem_of(Cell(100, 6, 0, 1), 0)
    assert np.median(problem.y[50:]) < np.quantile(problem.y[:50], 0.25)


@pytest.mark.parametrize("pending", [WARM_UP["pending"], []])
def test_a_warm_history_ends_with_a_trial_that_the_model_proposed_one_result_earlier(pending):
    told = Told.of({**WARM_UP, "pending": pending})
    history = told_history(told, Provenance(made_by=MadeBy(seed=1)))
    by_model = [trial.id for trial in history.trials.values() if trial.proposal.generator == "model"]
    assert by_model == [len(told.y) + len(pending)]
    before = told_history(told.with_the_last_one_pending(), None)
    assert len(before.model_view().observed) == len(told.y) - 1
    assert set(before.trials) == set(history.trials)


@pytest.mark.parametrize("mode", ["map", "default"])
@pytest.mark.parametrize("warm", [False, True])
def test_an_answer_has_as_many_points_as_were_asked_for(mode, warm):
    reply = answer({**WARM_UP, "q": 2}, proposer_of(mode, "cpu"), warm)
    assert np.shape(reply["points"]) == (2, 2)
    assert reply["seconds"] > 0.0
