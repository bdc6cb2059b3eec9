"""Constraints on calculations of metrics, through every door to a ledger and in everything that shows them."""

import asyncio
from pathlib import Path

import pytest
from standing import status_lines, story_about

from overnight.campaign import Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.goal.constraint import Bound, Constraint, read_constraint
from overnight.campaign.history.history import History
from overnight.campaign.result import feasibility_notes, with_calculated
from overnight.evaluators.results.returned_metrics import metric_problems
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.past_results.matching import fitted
from overnight.flows.replay.again import replay
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.past.results import PastResults, PastRow
from overnight.storage.sql import query

RATIO = "p99_ms / default_p99_ms"
FILE = {
    "name": "ratio",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "constraints": [f"{RATIO} <= 1"],
    "budget": {"trials": 12},
    "evaluator": {"kind": "command", "command": ["true"]},
}


def campaign(**more):
    return read_campaign(FILE | more).campaign


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("a / b <= 1", Constraint("a / b", at_most=Bound(1))),
        ("a / b <= 1.05 * baseline", Constraint("a / b", at_most=Bound(0, 1.05))),
        ("0.2 <= a / b <= 4", Constraint("a / b", Bound(0.2), Bound(4))),
        ("baseline + 2 >= max(a, b)", Constraint("max(a, b)", at_most=Bound(2, 1))),
        ("2*a - b ** 2 >= -3", Constraint("2*a - b ** 2", at_least=Bound(-3))),
    ],
)
def test_a_calculation_is_limited_like_a_metric_and_written_back_as_it_was(text, constraint):
    read = campaign(constraints=[text], baseline={"x": 0.5}).constraints
    assert read == (constraint,)
    assert read_constraint(str(read[0])) == constraint


def test_an_evaluation_is_asked_for_the_metrics_of_the_calculation_without_which_a_result_is_not_feasible():
    asked = campaign(metrics=["disk"], constraints=[f"{RATIO} <= 1", "heat <= 5", "loss + heat >= 0"])
    assert asked.expected_metrics == ("loss", "p99_ms", "default_p99_ms", "heat", "disk")
    assert asked.optional_metrics == ("p99_ms", "default_p99_ms", "heat")
    assert asked.recorded_metrics == ("loss", RATIO, "loss + heat", "p99_ms", "default_p99_ms", "heat", "disk")
    keys = [asked.key_of(name) for name in asked.expected_metrics]
    assert keys == ["minimize", "constraints", "constraints", "constraints", "metrics"]


@pytest.mark.parametrize(
    ("measured", "note"),
    [
        ({"p99_ms": 3.0}, "expected `default_p99_ms` for `p99_ms / default_p99_ms`, found none"),
        ({"p99_ms": 3.0, "default_p99_ms": 0.0}, "expected a finite value of `p99_ms / default_p99_ms`, got none from"),
    ],
)
def test_a_result_that_has_no_value_of_the_calculation_is_kept_and_not_feasible(measured, note):
    metrics = {name: Measurement(mean=mean) for name, mean in ({"loss": 1.0} | measured).items()}
    assert with_calculated(campaign(), metrics) == metrics
    assert campaign().goal.feasible(metrics) is False
    [found] = feasibility_notes(campaign(), metrics)
    start = f"this result does not count as feasible, because a constraint limits `{RATIO}`: {note}"
    assert found.startswith(start)


def test_a_calculation_has_the_standard_error_that_follows_from_those_of_its_metrics():
    metrics = {"p99_ms": Measurement(mean=2, sem=0.3), "default_p99_ms": Measurement(mean=1, sem=0.0)}
    found = with_calculated(campaign(), metrics)[RATIO]
    assert (found.mean, found.sem) == (2.0, pytest.approx(0.3))


def test_a_value_that_is_reported_itself_counts_only_without_its_parts():
    reported = {"loss": Measurement(mean=1), RATIO: Measurement(mean=0.5)}
    parts = {"p99_ms": Measurement(mean=3), "default_p99_ms": Measurement(mean=2)}
    assert with_calculated(campaign(), reported)[RATIO].mean == 0.5
    assert with_calculated(campaign(), reported | parts)[RATIO].mean == 1.5
    assert RATIO not in with_calculated(campaign(), reported | parts | {"default_p99_ms": Measurement(mean=0)})
    assert metric_problems(campaign(), ["loss", RATIO]) == []
    [problem] = metric_problems(campaign(), ["loss", "p99_ms"])
    assert problem.startswith("`constraints`: expected one of the metrics that the evaluator returns")


def test_past_results_hold_the_parts_or_the_value_itself_and_are_imported_without_both():
    means = [{"p99_ms": 3, "default_p99_ms": 2}, {RATIO: 0.5}, {"p99_ms": 3}]
    rows = [PastRow(f"row {i}", parameters={"x": 0.1 * i}, means={"loss": 1} | each) for i, each in enumerate(means)]
    found = fitted(campaign(), PastResults("past.csv", tuple(rows), names=("x", "loss", "p99_ms", RATIO)))
    assert [campaign().goal.feasible(each.metrics) for each in found.observations] == [False, True, False]
    assert [len(each.notes) for each in found.observations] == [0, 0, 1]


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("a / baseline <= 1", "constraints.0: expected a metric or a calculation of metrics on one side"),
        ("a / b <= c", "constraints.0: expected a number or a multiple of the baseline"),
        ("log(3) <= 1", "constraints.0: expected the name of a metric, got only numbers in 'log(3)'"),
        ("a / b <= 1.1 * baseline", "constraints.0: expected a `baseline`, to which"),
        ("loss / x <= 1", "constraints.0: expected only metrics in `loss / x`, got the parameter `x`"),
    ],
)
def test_a_calculation_that_cannot_be_limited_is_refused_with_its_place_in_the_file(constraint, said):
    with pytest.raises(InvalidDefinition) as refused:
        campaign(constraints=[constraint])
    assert said in str(refused.value)


def test_two_limits_of_a_calculation_leave_it_a_value():
    with pytest.raises(InvalidDefinition, match="expected a lower bound of `a / b` below its upper bound"):
        campaign(constraints=["a / b <= 1", "a / b >= 2"])


def judged(folder: Path, history: History) -> list[tuple]:
    """Return the columns of the calculation and of feasibility, which SQL and snapshots agree on."""
    found = query(open_ledger(str(folder / "ledger"), "ratio", folder), "from trials")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    table = trial_table(history)
    assert found.columns == tuple(table.column_names)
    shown = [name for name in found.columns if name not in ("proposed", "ended", "seconds")]
    assert table.select(shown).to_pylist() == [{name: row[name] for name in shown} for row in rows]
    assert [history.goal.verdict(trial.measured) for _, trial in sorted(history.trials.items())] == [
        row["feasible"] for row in rows
    ]
    return [(row[RATIO], row["feasible"], row["unmet"]) for row in rows]


def loop(folder: Path, **more) -> AskTell:
    settings = {"proposer": {"initial": 3}, "ledger": str(folder / "ledger")}
    return AskTell({name: value for name, value in (FILE | settings | more).items() if name != "evaluator"})


def tell(asked: AskTell, number: int) -> None:
    for _ in range(number):
        trial = asked.ask()
        x = float(trial.point["x"])
        asked.tell(trial, {"loss": (x - 0.8) ** 2, "p99_ms": 1 + x, "default_p99_ms": 1.5})


def test_a_campaign_learns_the_calculation_recommends_within_its_limit_and_replays_to_the_last_bit(tmp_path: Path):
    asked = loop(tmp_path, noise="none")
    tell(asked, 9)
    history, found = asked.history, asked.recommend()
    assert found is not None
    assert found.probability_feasible is not None
    assert 0.3 < float(found.point["x"]) <= 0.5, "the ratio is 1 at 0.5, and the loss falls until 0.8"
    made = history.trials[9].proposal.provenance
    assert made is not None
    assert set(made.models.metrics) == {"loss", RATIO}
    rows = judged(tmp_path, history)
    assert {ratio <= 1 for ratio, *_ in rows} == {True, False}
    assert {(feasible, unmet) for _, feasible, unmet in rows} == {(True, None), (False, f"{RATIO} <= 1")}
    events = [event for segment in asyncio.run(_read(tmp_path)) for event in segment.events]
    assert [each.verdict for each in replay(events, tmp_path)] == ["same"] * 9


async def _read(folder: Path):
    return await open_ledger(str(folder / "ledger"), "ratio", folder).read()


def test_a_limit_that_is_relative_to_the_baseline_follows_the_calculation_there(tmp_path: Path):
    asked = loop(tmp_path, constraints=[f"{RATIO} <= 1.2 * baseline"], baseline={"x": 0.2})
    tell(asked, 4)
    [limit] = asked.history.goal.constraints
    assert asked.history.goal.limits_of(limit)[1] == 1.2 * (1.2 / 1.5)
    for ratio, feasible, _ in judged(tmp_path, asked.history):
        assert feasible == (ratio <= 1.2 * (1.2 / 1.5))


def test_a_calculation_that_a_revision_limits_is_known_of_earlier_results_that_have_its_parts(tmp_path: Path):
    asked = loop(tmp_path, constraints=[])
    tell(asked, 3)
    asked.tell(asked.ask(), {"loss": 1.0, "p99_ms": 1.0})
    assert RATIO not in asked.history.trials[1].measured
    later = loop(tmp_path)
    tell(later, 2)
    history = later.history
    assert history.trials[1].measured[RATIO] == Measurement(mean=history.trials[1].measured["p99_ms"].mean / 1.5)
    assert history == History.from_events([e for s in asyncio.run(_read(tmp_path)) for e in s.events])
    rows = judged(tmp_path, history)
    assert rows[3] == (None, False, f"{RATIO} <= 1 (missing)")
    assert all(feasible == (ratio <= 1) for i, (ratio, feasible, _) in enumerate(rows) if i != 3)
    # The calculation stays when nothing limits it any more.
    last = loop(tmp_path, constraints=["p99_ms <= 9"])
    tell(last, 1)
    assert [ratio for ratio, *_ in judged(tmp_path, last.history)][:3] == [ratio for ratio, *_ in rows][:3]


def test_the_story_counts_the_trials_within_the_limits_of_a_calculation(tmp_path: Path):
    asked = loop(tmp_path)
    tell(asked, 5)
    found = story_about(asked.history).feasibility
    assert found is not None
    ratios = [trial.measured[RATIO].mean for trial in asked.history.trials.values()]
    assert [(limit.constraint, limit.met, limit.missing) for limit in found.limits] == [
        (f"{RATIO} <= 1", sum(ratio <= 1 for ratio in ratios), 0)
    ]


def test_status_shows_a_limited_calculation_as_the_file_has_it(tmp_path: Path):
    asked = loop(tmp_path, constraints=[f"0.1 <= {RATIO} <= 1.2 * baseline"], baseline={"x": 0.2})
    tell(asked, 1)
    shown = f"  0.1 <= {RATIO} <= 1.2 * baseline (now between 0.1 and 0.96): met by 1 of 1"
    assert shown in status_lines(asked.history)
