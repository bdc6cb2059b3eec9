"""The gate runs a change once on each seed, gives a verdict by its rule, and never confirms twice on one block."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality import commands
from benchmarks.quality.cells import ADDED, CELLS, GRID, Cell
from benchmarks.quality.changes import CHANGES, Change
from benchmarks.quality.contestants import OwnContestant
from benchmarks.quality.gate import CannotConfirm, Gate, report
from benchmarks.quality.gate.code import fingerprint, meaning
from benchmarks.quality.gate.pair import Pair, read_pairs, store_pair
from benchmarks.quality.gate.seeds import DEVELOPMENT, FIRST_FRESH, SIZE, FreshBlocks
from benchmarks.quality.gate.verdict import block_of, verdict
from benchmarks.quality.problems import BOWL6
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.data.encoding import Encoding

CELL = Cell("tiny", BOWL6, noise=0.0, workers=3, trials=16)
SOBOL = OwnContestant(SobolProposer())
ANYWHERE = Change(SOBOL, OwnContestant(SobolProposer(), anywhere=True))
FEWER = Change(SOBOL, OwnContestant(BayesianProposer(draws=16, restarts=1, raw_points=16)))
FRESH = range(FIRST_FRESH, FIRST_FRESH + SIZE)


def gate(folder, change=ANYWHERE):
    return Gate("tiny", change, {"tiny": CELL}, folder)


def a_row(seed, difference=-0.1, cell="tiny", **changes):
    """Return a pair with Sobol's regret 1, so that the difference is the one in the cell's unit."""
    sides = {f"{side}_{name}": found for side in ("base", "changed") for name, found in (
        ("regret", 0.5), ("best_tried", 0.1), ("point", [0.5] * 6), ("measured", True)
    )}  # fmt: skip
    row = {"cell": cell, "seed": seed, "sides": ANYWHERE.described, "code": fingerprint(), **sides}
    more = {"changed_regret": 0.5 + difference, "sobol_regret": 1.0, "seconds": 1.0, "commit": "c", "date": "2026"}
    return row | more | changes


def stored(folder, seeds, difference=-0.1, **changes):
    for seed in seeds:
        store_pair(folder / "tiny.parquet", a_row(seed, difference, **changes))


def block(differences, **changes):
    rows = [a_row(seed, d, **changes) for seed, d in zip(DEVELOPMENT, differences, strict=False)]
    return block_of(rows, ["tiny"], DEVELOPMENT)


def around(mean, spread):
    found = np.random.default_rng(0).normal(size=SIZE)
    return mean + spread * (found - found.mean()) / found.std()


@pytest.mark.parametrize(
    ("differences", "standing"),
    [
        (around(-0.1, 0.1), "better"),
        (around(-0.005, 0.01), "better"),
        (around(0.005, 0.01), "neutral"),
        (around(-0.02, 0.2), "not better"),
        (around(0.1, 0.1), "not better"),
        (around(-0.1, 0.1)[:-1], None),
    ],
)
def test_a_change_stands_by_its_interval_on_a_complete_block(differences, standing):
    assert block(differences).standing == standing


@pytest.mark.parametrize(
    ("development", "fresh", "found"),
    [
        ("better", "better", "lands"),
        ("better", "neutral", "neutral"),
        ("neutral", "better", "neutral"),
        ("neutral", "neutral", "neutral"),
        ("better", "not better", "refused"),
        ("not better", "better", "refused"),
        ("not better", None, "refused"),
        ("better", None, None),
        (None, "better", None),
    ],
)
def test_only_a_change_that_is_better_on_both_blocks_lands(development, fresh, found):
    assert verdict(development, fresh) == found


def test_cells_are_scaled_by_sobol_on_the_same_seeds_and_weigh_the_same():
    rows = [a_row(s, -0.4, sobol_regret=2.0) for s in DEVELOPMENT] + [a_row(s, 0.1, cell="other") for s in DEVELOPMENT]
    found = block_of(rows, ["tiny", "other"], DEVELOPMENT)
    assert found.cells["tiny"].value == pytest.approx(-0.2)
    assert found.pooled.value == pytest.approx((-0.2 + 0.1) / 2)
    assert (found.worst, found.missing) == (["other"], 0)


def test_nothing_is_run_in_a_cell_in_which_the_change_does_not_act(tmp_path, capsys):
    stored(tmp_path, DEVELOPMENT)
    cells = {"tiny": CELL, "other": replace(CELL, name="other")}
    partly = Gate("tiny", replace(ANYWHERE, acts_in=lambda cell: cell.name == "tiny"), cells, tmp_path)
    assert partly.develop(list(cells), DEVELOPMENT, jobs=1) == 0
    assert f"0 pairs to run, {SIZE} stored" in capsys.readouterr().out
    found = partly.development()
    assert (found.missing, found.standing) == (0, "better")
    assert found.cells["other"].value == found.cells["other"].low == found.cells["other"].high == 0.0
    assert found.pooled.value == pytest.approx(0.5 * found.cells["tiny"].value)


def test_an_entry_of_the_table_runs_through_the_gate_and_what_is_stored_is_not_run_again(tmp_path, capsys):
    judged = gate(tmp_path, FEWER)
    assert judged.develop(["tiny"], [100, 101], jobs=1) == 0
    rows = read_pairs(judged.path)
    assert [(row["cell"], row["seed"]) for row in rows] == [("tiny", 100), ("tiny", 101)]
    assert judged.develop(["tiny"], [100, 101], jobs=1) == 0
    assert "0 pairs to run, 2 stored" in capsys.readouterr().out
    assert read_pairs(judged.path) == rows
    assert "none, 30 pairs of the development block are missing" in report(judged)


def test_pairs_of_other_settings_or_other_code_are_run_again(tmp_path, capsys):
    stored(tmp_path, [100, 101], code="older")
    stored(tmp_path, [102], sides="others")
    stored(tmp_path, [103])
    gate(tmp_path).develop(["tiny"], range(100, 104), jobs=1)
    assert "3 pairs to run, 1 stored" in capsys.readouterr().out
    assert {row["code"] for row in read_pairs(tmp_path / "tiny.parquet")} == {fingerprint()}


def test_a_point_that_was_never_measured_is_judged_by_its_true_value(tmp_path):
    judged = Gate("tiny", ANYWHERE, {"tiny": replace(CELL, trials=40)}, tmp_path)
    judged.develop(["tiny"], [100, 101], jobs=1)
    rows = [row for row in read_pairs(judged.path) if not row["changed_measured"]]
    assert rows
    for row in rows:
        point = dict(zip(BOWL6.parameters, row["changed_point"], strict=True))
        assert row["base_measured"]
        assert row["changed_regret"] == BOWL6.regret(point) < row["base_best_tried"] <= row["base_regret"]


def test_a_confirmed_change_lands_and_a_second_look_at_its_block_is_refused(tmp_path):
    stored(tmp_path, [*DEVELOPMENT, *FRESH])
    judged = gate(tmp_path)
    assert judged.confirm(["tiny"], 1, None) == 0
    assert "Verdict: lands" in report(judged)
    with pytest.raises(CannotConfirm, match="1000–1031 of `tiny` was looked at"):
        judged.confirm(["tiny"], 1, None)


def test_another_look_takes_the_next_block_and_its_reason_is_in_the_report(tmp_path):
    stored(tmp_path, [*DEVELOPMENT, *FRESH])
    stored(tmp_path, range(FRESH.stop, FRESH.stop + SIZE), difference=0.1)
    gate(tmp_path).confirm(["tiny"], 1, None)
    gate(tmp_path).confirm(["tiny"], 1, "the first look used a wrong noise")
    text = report(gate(tmp_path))
    assert "Verdict: refused" in text
    assert "opened again because: the first look used a wrong noise), seeds 1032–1063: complete, not better" in text


def test_blocks_of_different_changes_never_overlap(tmp_path):
    blocks = FreshBlocks(tmp_path)
    given = [blocks.open(name, "sides", "code", "2026", None).first for name in ("one", "other", "one")]
    assert given == [1000, 1032, 1064]
    assert [each.first for each in blocks.of("one")] == [1000, 1064]


@pytest.mark.parametrize(("sides", "code"), [("others", None), (None, "older")])
def test_a_block_that_was_opened_for_other_settings_or_by_other_code_is_not_fresh(tmp_path, sides, code):
    stored(tmp_path, DEVELOPMENT)
    FreshBlocks(tmp_path).open("tiny", sides or ANYWHERE.described, code or fingerprint(), "2026", None)
    with pytest.raises(CannotConfirm, match="for other settings or by other code"):
        gate(tmp_path).confirm(["tiny"], 1, None)
    assert "differ in code or settings" in report(gate(tmp_path))


def test_a_fresh_block_is_opened_only_after_a_complete_development_block_that_does_not_refuse(tmp_path):
    stored(tmp_path, DEVELOPMENT[1:])
    with pytest.raises(CannotConfirm, match="found 1 pairs missing"):
        gate(tmp_path).confirm(["tiny"], 1, None)
    stored(tmp_path, DEVELOPMENT, difference=0.1)
    with pytest.raises(CannotConfirm, match="nothing to confirm"):
        gate(tmp_path).confirm(["tiny"], 1, None)
    assert FreshBlocks(tmp_path).all() == []


def test_results_of_a_fresh_block_are_hidden_until_it_is_complete(tmp_path, capsys):
    stored(tmp_path, [*DEVELOPMENT, *FRESH[:-1]], difference=-0.123)
    judged = gate(tmp_path)
    FreshBlocks(tmp_path).open("tiny", ANYWHERE.described, fingerprint(), "2026", None)
    text = report(judged)
    assert "seeds 1000–1031: 1 pairs missing; by c\n" in text
    assert "none before a fresh block is complete; 1 of its pairs are missing" in text
    assert text.count("-0.12 ") == 2
    judged.confirm(["tiny"], 1, None)
    assert "→" not in capsys.readouterr().out
    assert "Verdict: lands" in report(judged)


def test_comments_and_docstrings_do_not_count_as_code():
    code = 'def f(x):\n    """Return it."""\n    return x\n'
    assert meaning(code) == meaning('"""A module."""\n\n\ndef f(x):\n    return x  # why\n')
    assert meaning(code) != meaning("def f(x):\n    return -x\n")


def test_the_gate_has_the_grid_and_the_cells_that_were_added():
    names = {cell.name for cell in (*GRID, *ADDED)}
    assert len(names) == len(GRID) + len(ADDED) == 27
    assert sum(name.endswith("-20-trials") for name in names) == 6


def test_the_command_refuses_unknown_changes_and_seeds_outside_the_development_block(tmp_path):
    more = {"cells": [], "jobs": 1, "again": None}
    with pytest.raises(SystemExit, match="Expected a change among"):
        commands.gate(tmp_path, "luck", seeds=None, confirm=False, **more)
    for seeds, confirm in (([99], False), ([1000], False), ([100], True)):
        with pytest.raises(SystemExit, match="Expected seeds among 100-131"):
            commands.gate(tmp_path, "anywhere", seeds=seeds, confirm=confirm, **more)
    assert commands.verdict(tmp_path, "anywhere") == 0


@pytest.mark.parametrize("cell", [*GRID, *ADDED], ids=lambda cell: cell.name)
def test_a_pair_can_be_sent_to_another_process(cell):
    pair = Pair(CHANGES["averaged"], cell, 100)
    sent = pickle.loads(pickle.dumps(pair))
    assert sent == pair
    assert sent.cell.problem.value(cell.problem.best) == cell.problem.value(cell.problem.best)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_sides_of_every_change_differ(change):
    assert change.base != change.changed


def test_the_distance_of_categories_acts_in_the_cells_that_have_some():
    acts = {name for name, cell in CELLS.items() if CHANGES["hamming"].acts_in(cell)}
    one_hot, hamming = (
        {name: feature_groups(cell, hamming=hamming) for name, cell in CELLS.items()} for hamming in (False, True)
    )
    assert acts == {name for name in CELLS if one_hot[name] != hamming[name]}


def feature_groups(cell: Cell, *, hamming: bool) -> tuple[int, ...]:
    """Return how many features each length scale of a cell's model is for."""
    return Encoding(cell.problem.space).groups(hamming=hamming).widths
