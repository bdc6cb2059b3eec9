"""The columns of trials have the same names everywhere, for all names of parameters and metrics."""

import asyncio
import csv
import io
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.campaign.history.trial import Observation
from overnight.flows.past_results.matching import fitted
from overnight.report.tables import to_csv, trial_rows
from overnight.storage import LocalStore, ParquetLedger
from overnight.storage.past.source import read_past_results
from overnight.storage.sql import export_trials, query

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = (
    "loss",
    "loss_sem",
    "loss_sem_sem",
    "metric_loss_sem",
    "status",
    "Status",
    "parameter_status",
    "metric_status",
)
HOSTILE += (
    "loss_n",
    "loss_n_sem",
    "trial",
    "ended",
    "proposed",
    "predicted_mean",
    "",
    " x",
    "x",
    "X",
    "parameter_x",
    "a,b\n",
    '"',
    "straße",
    "feasible",
    "unmet",
    "on_front",
)
LIMITED = ("loss <= 8", "it's new >= 3")
NAMES = st.lists(st.sampled_from(HOSTILE), max_size=6, unique=True)


def campaign_of(
    parameters: list[str], metrics: list[str], constraints: tuple[str, ...] = (), *, front: bool = False
) -> Campaign:
    several = [{"minimize": "loss"}, {"maximize": "it's new"}]
    return Campaign.model_validate(
        {
            "name": "bread",
            "parameters": {name: {"kind": "float", "low": 0, "high": 1e6} for name in parameters},
            **({"objectives": several} if front else {"minimize": "loss"}),
            "metrics": metrics,
            "constraints": constraints,
            "budget": {"trials": 9},
        }
    )


def tried(campaign: Campaign, measured: list[str], counted: Collection[str] = ()) -> list[Event]:
    """Return the events of two trials in which all values differ."""
    values = iter(range(1, 1000))
    events: list[Event] = [CampaignDefined(time=NOON, actor="ada", uid="u", definition=campaign)]
    for trial in (1, 2):
        who = {"time": NOON, "actor": "a", "trial": trial}
        point = {name: float(next(values)) for name in campaign.parameters.root}
        counts = {name: next(values) for name in measured if name in counted}
        metrics = {name: Measurement(mean=next(values), sem=next(values), n=counts.get(name)) for name in measured}
        events += [
            TrialProposed(**who, point=point, generator="manual"),
            AttemptStarted(**who, attempt=1, key=f"bread/{trial}"),
            TrialObserved(**who, attempt=1, metrics=metrics),
        ]
    return events


@pytest.mark.slow
@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(
    ["status", "parameter_status", "Status"],
    [],
    ["loss_sem", "metric_loss_sem", "parameter_status"],
    set(),
    ((), False),
)
@example(["x", "loss_n"], ["loss_n", "loss_n_sem"], ["loss_sem"], {"loss", "loss_n"}, ((), False))
@example(["x"], ["loss_n_sem"], ["loss_n"], {"loss"}, ((), False))
@example(["loss_n"], ["loss_n_n", "loss_n"], ["x"], {"loss_n"}, (LIMITED, False))
@example(["feasible", "unmet"], [], [], set(), ((), False))
@example(["feasible", "unmet"], ["feasible", "unmet"], ["metric_unmet"], {"loss", "unmet"}, (LIMITED, False))
@example(["on_front"], ["on_front"], ["metric_on_front"], {"on_front"}, ((), True))
@example(["feasible", "on_front"], ["unmet", "on_front"], ["metric_on_front"], {"loss"}, (LIMITED, True))
@given(
    NAMES.map(lambda names: [name for name in names if name] or ["x"]),
    NAMES.map(lambda names: [name for name in names if name]),
    NAMES,
    st.sets(st.sampled_from(["loss", *HOSTILE])),
    st.tuples(st.sampled_from([(), LIMITED]), st.booleans()),
)
def test_the_table_of_trials_is_the_view_and_comes_back_by_import_whatever_the_names_are(
    tmp_path_factory, parameters, metrics, others, counted, goal
):
    folder: Path = tmp_path_factory.mktemp("ledger")
    campaign = campaign_of(parameters, metrics, goal[0], front=goal[1])
    events = tried(campaign, [*campaign.expected_metrics, *(name for name in others if name not in metrics)], counted)
    ledger = ParquetLedger(LocalStore(folder), "bread/")
    asyncio.run(ledger.append(events, after=0))
    history = History.from_events(events)

    rows, answer = trial_rows(history), query(ledger, "select * exclude (proposed, ended) from trials")
    assert [tuple(row) for row in rows] == [answer.columns] * 2
    assert [tuple(row.values()) for row in rows] == answer.rows
    [header, *_] = csv.reader(io.StringIO(to_csv(rows), newline=""))
    assert tuple(header) == answer.columns

    (folder / "trials.csv").write_text(to_csv(rows), newline="")
    export_trials(ledger, folder / "exported.parquet")
    expected = [(trial.point, measured(trial.outcome, campaign)) for trial in history.trials.values()]
    for name in ("trials.csv", "exported.parquet"):
        back = fitted(campaign, read_past_results(str(folder / name), campaign)).observations
        assert [(found.point, found.metrics) for found in back] == expected


def measured(outcome: object, campaign: Campaign) -> dict[str, Measurement]:
    assert isinstance(outcome, Observation)
    return {name: outcome.metrics[name] for name in campaign.expected_metrics}


@pytest.mark.parametrize("columns", ["x,loss,loss_sem", "loss_sem,loss,x"])
def test_in_a_table_of_others_a_column_that_is_called_like_a_metric_is_no_standard_error(tmp_path, columns):
    campaign = campaign_of(["x"], ["loss_sem"])
    cells = {"x": "3", "loss": "0.5", "loss_sem": "7"}
    path = tmp_path / "past.csv"
    path.write_text(f"{columns}\n{','.join(cells[name] for name in columns.split(','))}\n")
    [found] = fitted(campaign, read_past_results(str(path), campaign)).observations
    assert found.metrics == {"loss": Measurement(mean=0.5), "loss_sem": Measurement(mean=7)}
