"""Past results become the first observations of a new campaign, all or none, and use nothing of its budget."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import optuna
import pyarrow.parquet as pq
import pytest
from read_ledgers import events_of
from standing import story_about
from typer.testing import CliRunner, Result

from overnight.bo_core.propose import propose
from overnight.campaign import History
from overnight.campaign.errors import CampaignStopped, CannotImport, LedgerMoved
from overnight.campaign.history.events import Event, TrialObserved
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.past_results.importing import write_observations
from overnight.flows.past_results.matching import fitted
from overnight.flows.session.journal import Journal
from overnight.flows.session.opening import open_campaign
from overnight.report.html import render_report
from overnight.storage import MemoryLedger, open_ledger
from overnight.storage.past.source import read_past_results

FLOUR = "flour, 'type' \"x\""
DEFINITION = {
    "name": "bread",
    "parameters": {
        "heat": {"kind": "float", "low": 0, "high": 1},
        "turns": {"kind": "int", "low": 0, "high": 9},
        FLOUR: {"kind": "categorical", "choices": ["rye", 2, False]},
        "status": {"kind": "ordinal", "choices": [1, 2.5]},
        "oven": {"kind": "fixed", "value": "stone"},
    },
    "minimize": "burnt",
    "metrics": ["seconds"],
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 4},
    "proposer": {"kind": "bayesian", "initial": 5},
}
SIMPLE = {
    **DEFINITION,
    "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}, "turns": {"kind": "int", "low": 0, "high": 9}},
    "metrics": [],
}
PAST = "turns,heat,burnt\n" + "".join(f"{n},0.{n},{n / 4}\n" for n in range(1, 7))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    Path("campaign.yaml").write_text(json.dumps(SIMPLE))
    Path("past.csv").write_text(PAST)


def asked(*arguments: str) -> Result:
    done = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def refused(*arguments: str) -> str:
    with pytest.raises(CannotImport) as problem:
        asked(*arguments)
    return str(problem.value)


def events(name: str = "bread") -> list[Event]:
    return asyncio.run(events_of(open_ledger("ledger", name, Path())))


def history(name: str = "bread") -> History:
    return History.from_events(events(name))


def measured(name: str) -> list[tuple[str, ...]]:
    """Return the points and the metrics of the observed trials, to the last bit."""
    observed = history(name).model_view().observed
    return [(repr(t.point), *(repr(t.outcome.metrics[metric]) for metric in ("burnt", "seconds"))) for t in observed]


def test_each_row_is_an_observed_trial_without_an_attempt():
    said = asked("import", "past.csv").output
    assert "imported: 6 results of past.csv into campaign `bread`" in said
    trials = history().trials
    assert list(trials) == [1, 2, 3, 4, 5, 6]
    assert trials[2].point == {"heat": 0.2, "turns": 2}
    assert (trials[2].outcome.metrics["burnt"].mean, trials[2].outcome.attempt, trials[2].attempts) == (0.5, 0, ())
    assert {t.proposal.generator for t in trials.values()} == {"import"}


def test_the_ledger_says_where_each_came_from():
    asked("import", "past.csv")
    asked_for = "select body->>'$.metadata.source' as source, body->>'$.metadata.line' as line, actor from events"
    printed = asked("query", f"{asked_for} where kind = 'trial_observed' limit 1", "--format", "json").output
    assert json.loads(printed) == [{"source": "past.csv", "line": "2", "actor": "import"}]


@pytest.mark.parametrize("file", ["trials.csv", "trials.parquet"])
def test_what_a_campaign_exports_another_one_imports(file):
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | {"budget": {"trials": 9}}))
    first = AskTell("campaign.yaml")
    for n in range(8):
        trial = first.ask()
        first.tell(trial, ValueError("no\noven") if n == 3 else {"burnt": (n / 7, n / 70), "seconds": n, "extra": 1})
    first.ask()
    asked("export", file)
    Path("second.yaml").write_text(json.dumps(DEFINITION | {"name": "cake"}))
    said = asked("import", file, "second.yaml").output
    assert "left out: 2 without a value of `burnt`" in said
    assert "not used: trial, status, generator, extra, extra_sem, attempts" in said

    assert measured("cake") == measured("bread")
    ended = [e.metadata["ended"] for e in events("cake") if isinstance(e, TrialObserved)]
    assert len(ended) == 7
    assert all(moment.startswith("20") for moment in ended)


def study(file: str, *names: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in names:
        sampler = optuna.samplers.RandomSampler(seed=2)
        made = optuna.create_study(storage=f"sqlite:///{file}", study_name=name, sampler=sampler)
        made.optimize(lambda t: t.suggest_float("heat", 0, 1) + t.suggest_int("turns", 0, 9), n_trials=5)
        made.tell(made.ask(), state=optuna.trial.TrialState.FAIL)


def test_an_optuna_study_is_imported_and_says_what_was_left_out():
    study("study.db", "one", "two")
    assert "found 2: `one`, `two`" in refused("import", "sqlite:///study.db")
    said = asked("import", "sqlite:///study.db", "--study", "two").output
    assert "imported: 5 results of study.db, study `two`" in said
    assert "left out: 1 failed" in said
    with sqlite3.connect("study.db") as database:
        values = [value for (value,) in database.execute("select value from trial_values order by trial_id")]
    database.close()
    assert [t.outcome.metrics["burnt"].mean for t in history().trials.values()] == values[5:]


def test_a_table_may_lack_the_metric_of_a_constraint_in_some_rows_or_everywhere():
    Path("campaign.yaml").write_text(json.dumps(SIMPLE | {"constraints": ["p99 (ms) <= 15", "a.b >= 0"]}))
    Path("past.csv").write_text("turns,heat,burnt,p99 (ms)\n1,0.1,3,12\n2,0.2,4,\n3,0.3,5,NaN\n")
    printed = asked("import", "past.csv").output
    assert "imported: 3 results" in printed
    assert "not counted as feasible: 2 without a value of `p99 (ms)`, which a constraint limits" in printed
    assert "not counted as feasible: 3 without a value of `a.b`, which a constraint limits" in printed
    trials = history().trials
    assert [[*trial.outcome.metrics] for trial in trials.values()] == [["burnt", "p99 (ms)"], ["burnt"], ["burnt"]]
    assert [len(trial.outcome.notes) for trial in trials.values()] == [1, 2, 2]


def test_an_unusable_value_of_a_constraints_metric_is_a_misfit_that_the_file_should_correct():
    Path("campaign.yaml").write_text(json.dumps(SIMPLE | {"constraints": ["p99 (ms) <= 15"]}))
    Path("past.csv").write_text("turns,heat,burnt,p99 (ms)\n1,0.1,3,12\n2,0.2,4,slow\n")
    assert "line 3, `p99 (ms)`: expected a finite number as mean, got 'slow'" in refused("import", "past.csv")
    assert "1 that do not fit" in asked("import", "past.csv", "--skip-misfits").output


def test_every_problem_is_named_and_nothing_is_written():
    rows = ["3,2.5,1", "x,0.5,1", "4,0.5,good", "5,0.5", "6,0.5,"]
    Path("past.csv").write_text(PAST + "\n".join(rows) + "\n")
    said = refused("import", "past.csv")
    assert "4 of 11 results do not fit campaign" in said
    assert "Nothing was written" in said
    assert said.splitlines()[1:] == [
        "past.csv, line 8, `heat`: expected a number between 0 and 1, found '2.5'",
        "past.csv, line 9, `turns`: expected a whole number between 0 and 9, found 'x'",
        "past.csv, line 10, `burnt`: expected a finite number as mean, got 'good'",
        "past.csv, line 11: expected 3 values as in the header, found 2",
    ]
    assert not Path("ledger").exists()


def with_two_objectives() -> None:
    several = {"objectives": [{"minimize": "burnt"}, {"maximize": "crust"}], "proposer": {"kind": "sobol"}}
    Path("campaign.yaml").write_text(json.dumps({k: v for k, v in SIMPLE.items() if k != "minimize"} | several))


def test_a_table_has_a_column_for_each_objective_and_rows_that_lack_one_are_left_out():
    with_two_objectives()
    Path("past.csv").write_text("turns,heat,crust,burnt,crust_sem\n1,0.1,8,3,0.5\n2,0.2,,4,\n3,0.3,5,,\n4,0.4,9,1,\n")
    printed = asked("import", "past.csv").output
    assert "imported: 2 results" in printed
    assert "left out: 2 without a value of `burnt` or `crust`" in printed
    found = [(t.measured["burnt"].mean, t.measured["crust"].mean) for t in history().trials.values()]
    assert found == [(3.0, 8.0), (1.0, 9.0)]
    assert [trial.id for trial in history().goal.front(history().trials.values())] == [2]


def test_a_study_of_two_objectives_is_imported_in_their_order():
    with_two_objectives()
    study = optuna.create_study(storage="sqlite:///study.db", directions=["minimize", "maximize"])
    study.optimize(lambda t: (t.suggest_float("heat", 0, 1), t.suggest_int("turns", 0, 9)), n_trials=3)
    assert "imported: 3 results" in asked("import", "sqlite:///study.db").output
    found = [(t.measured["burnt"].mean, t.measured["crust"].mean) for t in history().trials.values()]
    assert found == [tuple(trial.values) for trial in study.trials]


def test_a_row_without_the_objective_is_left_out_whatever_else_it_says():
    Path("past.csv").write_text(PAST + "99,hot,\n,,nan\n")
    assert "left out: 2 without a value of `burnt`" in asked("import", "past.csv").output


def test_only_the_first_problems_are_named():
    Path("past.csv").write_text("turns,heat,burnt\n" + "1,7,0.5\n" * 30)
    lines = refused("import", "past.csv").splitlines()
    assert (len(lines), lines[-1]) == (12, "… and 20 more")


def test_what_does_not_fit_can_be_left_out():
    Path("past.csv").write_text(PAST + "3,2.5,1\nx,0.5,1\n")
    said = asked("import", "past.csv", "--skip-misfits").output
    assert "left out: 2 that do not fit" in said
    assert "past.csv, line 8, `heat`: expected a number between 0 and 1" in said
    assert len(history().trials) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected results, found none"),
        ("turns,heat,burnt\n", "expected results, found none"),
        ("turns,hot,score\n1,0.5,1\n", "expected values of `heat`, `burnt`.*found only `turns`, `hot`, `score`"),
        ("turns,heat,burnt\n1,0.5,\n", "found none among 1"),
    ],
)
def test_a_table_that_holds_no_result_is_refused(text, said):
    Path("past.csv").write_text(text)
    with pytest.raises(CannotImport, match=said):
        asked("import", "past.csv", "--skip-misfits")
    assert not Path("ledger").exists()


def test_a_campaign_that_has_trials_takes_no_past_results():
    asked("import", "past.csv")
    before = events()
    assert "already has 6 trials, 6 of them imported" in refused("import", "past.csv")
    assert events() == before


def test_an_import_that_was_killed_after_the_definition_is_made_by_the_next():
    file = load_campaign_file("campaign.yaml")
    journal = Journal(open_ledger("ledger", "bread", Path()))
    asyncio.run(open_campaign(journal, file.campaign, file.settings(), SystemClock()))
    assert [event.kind for event in events()] == ["campaign_defined"]
    asked("import", "past.csv")
    assert len(history().trials) == 6


def test_all_results_are_in_one_append():
    asked("import", "past.csv")
    segments = asyncio.run(open_ledger("ledger", "bread", Path()).read())
    assert [len(segment.events) for segment in segments] == [1, 12]


class MovedOnce(MemoryLedger):
    """A ledger in which another writer is quicker once."""

    def __init__(self, others: Sequence[Event]) -> None:
        super().__init__()
        self.others = others

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        if self.others and after == 1:
            others, self.others = self.others, ()
            await super().append(others, after=after)
            raise LedgerMoved("somebody was quicker")
        return await super().append(events, after=after)


async def test_of_two_imports_at_once_one_is_refused():
    file = load_campaign_file("campaign.yaml")
    found = fitted(file.campaign, read_past_results("past.csv", file.campaign)).observations
    there = MemoryLedger()
    await write_observations(Journal(there), file.campaign, {}, SystemClock(), found)
    others = (await there.read())[-1].events
    journal = Journal(MovedOnce(others))
    with pytest.raises(CannotImport, match="already has 6 trials"):
        await write_observations(journal, file.campaign, {}, SystemClock(), found)


def test_points_may_repeat_and_the_model_begins_at_once():
    Path("past.csv").write_text(PAST + "1,0.1,0.3\n")
    asked("import", "past.csv")
    campaign = AskTell("campaign.yaml")
    trial = campaign.ask()
    assert (trial.id, trial.proposal.generator) == (8, "model")
    assert trial.proposal.provenance.knew.observed == 7


def test_too_few_imported_points_are_filled_up_with_sobol_points():
    Path("past.csv").write_text("turns,heat,burnt\n1,0.1,0.3\n2,0.2,0.4\n3,0.3,0.5\n")
    asked("import", "past.csv")
    campaign = AskTell("campaign.yaml")
    asked_for = [campaign.ask().proposal.generator for _ in range(3)]
    assert asked_for == ["sobol", "sobol", "model"]


def test_the_budget_is_spent_by_the_campaigns_own_trials():
    asked("import", "past.csv")
    campaign = AskTell("campaign.yaml")
    for _ in range(4):
        campaign.tell(campaign.ask(), 1.0)
    with pytest.raises(CampaignStopped, match=r"All 4 trials"):
        campaign.ask()
    assert "4 observed, 0 running, 0 failed, 6 imported; budget: 4 trials" in asked("status").output


def test_a_baseline_among_the_imported_points_is_not_tried_again():
    Path("campaign.yaml").write_text(json.dumps(SIMPLE | {"baseline": {"heat": 0.2, "turns": 2}}))
    asked("import", "past.csv")
    file = load_campaign_file("campaign.yaml")
    [proposal] = propose(file.campaign, history(), file.proposer, 1)
    assert proposal.generator == "model"
    assert AskTell("campaign.yaml").recommend().baseline_mean is not None


def test_a_baseline_that_was_not_imported_comes_first():
    Path("campaign.yaml").write_text(json.dumps(SIMPLE | {"baseline": {"heat": 0.25, "turns": 2}}))
    asked("import", "past.csv")
    assert AskTell("campaign.yaml").ask().proposal.generator == "baseline"


def test_proposals_after_an_import_are_made_again_to_the_last_bit():
    asked("import", "past.csv")
    campaign = AskTell("campaign.yaml")
    for _ in range(2):
        campaign.tell(campaign.ask(), 1.0)
    said = asked("replay").output
    assert "trial 7 same" in said
    assert "2 same" in said


def test_whoever_reads_the_campaign_sees_imported_trials():
    asked("import", "past.csv")
    assert "It was imported with past results" in asked("explain", "3").output
    assert "It turned out to be burnt 0.75." in asked("explain", "3").output
    printed = asked("query", "select distinct status, generator, attempts, seconds from trials", "--format", "json")
    assert json.loads(printed.output) == [{"status": "observed", "generator": "import", "attempts": 0, "seconds": None}]
    asked("export", "again.parquet")
    assert pq.read_table("again.parquet").num_rows == 6
    assert len(asked("trials", "--format", "csv").output.splitlines()) == 7
    page = render_report(history(), story_about(history()))
    assert "0 of 4 trials observed, 6 imported." in page
    asked("verify")


def test_a_study_with_steps_scales_and_switches_becomes_the_same_values_of_the_campaign():
    parameters = {
        "heat": {"kind": "float", "low": 0, "high": 1, "step": 0.05},
        "turns": {"kind": "int", "low": 0, "high": 90, "step": 15},
        "rate": {"kind": "float", "low": 1e-5, "high": 0.1, "scale": "log"},
        "width": {"kind": "int", "low": 4, "high": 512, "scale": "log"},
        "steam": {"kind": "bool"},
    }
    Path("campaign.yaml").write_text(json.dumps(SIMPLE | {"parameters": parameters}))

    def burnt(trial: optuna.Trial) -> float:
        heat, turns = trial.suggest_float("heat", 0, 1, step=0.05), trial.suggest_int("turns", 0, 90, step=15)
        rate, width = trial.suggest_float("rate", 1e-5, 0.1, log=True), trial.suggest_int("width", 4, 512, log=True)
        return heat + turns + rate + width + trial.suggest_categorical("steam", [True, False])

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(storage="sqlite:///study.db", sampler=optuna.samplers.RandomSampler(seed=2))
    made.optimize(burnt, n_trials=12)
    assert "imported: 12 results" in asked("import", "sqlite:///study.db").output
    points = [trial.point for trial in history().trials.values()]
    assert [point | {"heat": 0} for point in points] == [trial.params | {"heat": 0} for trial in made.trials]
    assert [point["heat"] for point in points] == [round(trial.params["heat"], 2) for trial in made.trials]
    assert {type(point["steam"]) for point in points} == {bool}
