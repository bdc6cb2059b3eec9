"""Snapshots show every trial in columns of its own, like SQL over the events; nothing depends on them."""

import asyncio
import math
import threading
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from event_samples import NOON, started
from hypothesis import given, settings
from hypothesis import strategies as st
from read_ledgers import events_of

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    CampaignDrained,
    Event,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
)
from overnight.campaign.history.provenance import MadeBy, Prediction, Provenance
from overnight.storage import LocalStore, ParquetLedger, verify
from overnight.storage.copies import copies, snapshots
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.sql import query

DRAINED = CampaignDrained(time=NOON, actor="controller", epoch=3, reason="enough")
DEFINED = CampaignDefined(
    time=NOON,
    actor="ada",
    uid="u",
    definition=Campaign.model_validate(
        {
            "name": "bread",
            "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
            "minimize": "burnt",
            "budget": {"trials": 9},
        }
    ),
)
LIMITED = DEFINED.model_copy(
    update={
        "definition": Campaign.model_validate(
            DEFINED.definition.model_dump()
            | {
                "constraints": ["burnt <= 0", "heat >= 2 * baseline", "0 <= a b <= 1e-9"],
                "metrics": ["heat"],
                "baseline": {"heat": 0.5},
            }
        )
    }
)
NAMES = st.sampled_from(
    ["feasible", "heat", "Heat", "status", "TRIAL", "burnt", "burnt_sem", "body", "größe", "a b", '"']
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(st.booleans(), st.integers(), FINITE, st.sampled_from(["rye", "", "1", "true"]))
COUNTS = st.none() | st.integers(1, 2**63 - 1)
MEASURED = st.builds(Measurement, mean=FINITE, sem=st.none() | FINITE.map(abs), n=COUNTS)


def predicting(mean: float) -> Provenance:
    """Return the provenance of a proposal with this predicted mean."""
    metric = DEFINED.definition.objective.metric
    return Provenance(made_by=MadeBy(seed=1), predicted={metric: Prediction(mean=mean)})


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Draw the events of trials in every state, with points and metrics of any names and kinds."""
    clock = (NOON + timedelta(seconds=i) for i in count())
    events: list[Event] = [draw(st.sampled_from([DEFINED, LIMITED]))]
    for trial in range(1, draw(st.integers(0, 5)) + 1):
        provenance = draw(st.none() | st.floats().map(predicting))
        point = draw(st.just({"heat": 0.5}) | st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
        who = {"time": next(clock), "actor": "a", "trial": trial}
        parked = draw(st.booleans())
        proposal = TrialProposed(**who, point=point, generator="model", provenance=provenance, parked=parked)
        events += [proposal, *draw(st.sampled_from([[], [TrialApproved(**who, why="")]]))]
        retries = draw(st.integers(0, 2))
        for attempt in range(1, retries + 1):
            events += _failed_attempt(draw, who, attempt)
        events += draw(st.sampled_from([_open, _observed, _failed, _imported, _abandoned, _rejected]))(
            draw, who, retries + 1
        )
    return events


def _failed_attempt(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    seconds = draw(st.integers(0, 2**20)) / 4
    start = AttemptStarted(**who, attempt=attempt, key=f"bread/{attempt}")
    cause = draw(st.sampled_from(["infrastructure", "timeout"]))
    return [start, AttemptFailed(**who, attempt=attempt, cause=cause, message="no", will_retry=True, seconds=seconds)]


def _open(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    return [AttemptStarted(**who, attempt=attempt, key="k")] if draw(st.booleans()) else []


def _observed(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    metrics = draw(st.dictionaries(NAMES, MEASURED, max_size=3))
    observed = TrialObserved(**who, attempt=attempt, metrics=metrics, seconds=0.25)
    return [AttemptStarted(**who, attempt=attempt, key="k"), observed, observed.model_copy(update={"metrics": {}})]


def _failed(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    failed = TrialFailed(**who, attempt=attempt, cause="infeasible", message=draw(st.text(max_size=3)))
    return [*_failed_attempt(draw, who, attempt), failed]


def _abandoned(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    begun = _open(draw, who, attempt)
    abandoned = TrialAbandoned(**who, why=draw(st.text(max_size=3)))
    closed = AttemptFailed(**who, attempt=attempt, cause="cancelled", message="", will_retry=False, seconds=0.5)
    late = TrialObserved(**who, attempt=attempt, metrics={"burnt": draw(MEASURED)})
    return [*begun, abandoned, *draw(st.sampled_from([[], [closed], [late]]))]


def _rejected(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    return [TrialRejected(**who, why=draw(st.text(max_size=3))), TrialApproved(**who, why="")]


def _imported(draw: st.DrawFn, who: dict[str, Any], attempt: int) -> list[Event]:
    return [TrialObserved(**who, attempt=0, metrics={"burnt": draw(MEASURED)})]


@pytest.mark.slow
@settings(max_examples=60)
@given(lives())
def test_a_snapshot_has_the_columns_and_rows_of_the_view_of_trials(tmp_path_factory, events):
    ledger = ParquetLedger(LocalStore(tmp_path_factory.mktemp("ledger")), "bread/")
    asyncio.run(ledger.append(events, after=0))
    answer = query(ledger, "from trials")
    table = trial_table(History.from_events(events))
    assert tuple(table.column_names) == answer.columns
    assert [[told(v) for v in row.values()] for row in table.to_pylist()] == [[told(v) for v in r] for r in answer.rows]


def proposed(trial: int) -> TrialProposed:
    return TrialProposed(time=NOON, actor="a", trial=trial, point={"heat": 1.0}, generator="manual")


def observed(trial: int) -> TrialObserved:
    return TrialObserved(time=NOON, actor="a", trial=trial, attempt=1, metrics={"burnt": Measurement(mean=0.5)})


def told(value: Any) -> Any:
    """Return a comparable value: NaN as text, and a time without its zone's name."""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return value.timestamp() if hasattr(value, "timestamp") else value


@pytest.fixture
async def ledger(tmp_path: Path) -> ParquetLedger:
    ledger = ParquetLedger(LocalStore(tmp_path), "bread/")
    await ledger.append([DEFINED, proposed(1), proposed(2)], after=0)
    await ledger.append([started(2)], after=1)
    await ledger.append([observed(2), DRAINED], after=2)
    return ledger


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "bread/snapshots/trials-00000000000000000003.parquet"


async def test_the_end_of_a_run_leaves_a_snapshot(ledger, snapshot):
    events = await events_of(ledger)
    found = pq.read_table(snapshot)
    assert found.equals(trial_table(History.from_events(events)))
    assert {"trial", "status", "heat", "burnt", "burnt_sem"} <= set(found.column_names)


async def test_snapshots_are_made_while_the_ledger_grows_each_of_twice_as_much_as_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "_LEAST_SEGMENTS", 3)
    monkeypatch.setattr(copies, "_EVERY", 1)
    ledger = ParquetLedger(LocalStore(tmp_path), "bread/")
    await ledger.append([DEFINED], after=0)
    for number in range(1, 20):
        await ledger.append([proposed(number)], after=number)
        for thread in threading.enumerate():
            if thread.name == "copies":
                thread.join()
    assert ledger.snapshots.numbers() == [3, 6, 12]
    verify(ledger)


async def test_a_lost_snapshot_is_missed_by_nobody(ledger, snapshot):
    snapshot.unlink()
    assert len(await ledger.read()) == 3
    assert verify(ledger).segment == 3


async def test_a_snapshot_that_says_other_things_than_its_segments_is_found_by_verify(ledger, snapshot):
    table = pq.read_table(snapshot)
    metadata = pq.ParquetFile(snapshot).metadata.metadata
    changed = table.set_column(2, "generator", [["sobol"] * table.num_rows])
    for rewritten, found in ((table, "whole"), (changed, "damaged")):
        snapshot.unlink()
        with pq.ParquetWriter(snapshot, rewritten.schema) as writer:
            writer.write_table(rewritten)
            writer.add_key_value_metadata({k: v for k, v in metadata.items() if not k.startswith(b"ARROW")})
        if found == "whole":
            verify(ledger)
            continue
        with pytest.raises(LedgerDamaged, match=r"trials-0*3\.parquet.*expected the contents of its segments"):
            verify(ledger)


async def test_a_spoilt_snapshot_is_named_by_verify_and_can_be_deleted(ledger, snapshot):
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 1
    snapshot.unlink()
    snapshot.write_bytes(data)
    with pytest.raises(LedgerDamaged, match=r"trials-0*3\.parquet.*Delete it"):
        verify(ledger)
    snapshot.unlink()
    verify(ledger)


async def test_segments_that_only_a_snapshot_tells_of_are_missed_by_verify(ledger, snapshot, tmp_path):
    last = tmp_path / "bread/events/00000/00000000000000000003.parquet"
    last.unlink()
    with pytest.raises(LedgerDamaged, match=r"0*3\.parquet.*because `.*trials-0*3\.parquet` covers it"):
        verify(ledger)


async def test_a_file_among_the_snapshots_that_is_none_is_foreign(ledger, snapshot):
    snapshot.with_name("notes.txt").write_text("hello")
    with pytest.raises(LedgerDamaged, match=r"notes\.txt.*Move it out of the ledger"):
        verify(ledger)


@pytest.mark.parametrize(("version", "problem"), [("3", LedgerTooNew), ("0", LedgerDamaged), ("new", LedgerDamaged)])
async def test_a_snapshot_of_another_version_is_not_passed_over(ledger, snapshot, monkeypatch, version, problem):
    snapshot.unlink()
    with monkeypatch.context() as another:
        another.setattr(snapshots, "_VERSION", version)
        ledger.snapshots.make(3, (await events_of(ledger))[:-1])
    with pytest.raises(problem, match=r"trials-0*3\.parquet"):
        verify(ledger)
    snapshot.unlink()
    assert verify(ledger).segment == 3
