"""A running campaign leaves receipts outside its ledger; a problem with their file does not affect the campaign."""

import asyncio
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign
from typer.testing import CliRunner

from overnight.bo_core import SobolProposer
from overnight.campaign import History
from overnight.campaign.errors import CampaignStopped, LedgerDamaged, LedgerError
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, CampaignResumed, LossAccepted
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.run import run_campaign
from overnight.flows.assembly import anchored
from overnight.flows.cli import app
from overnight.flows.commands.people.append import append_to
from overnight.flows.commands.start.import_results import import_results
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.session.anchored_ledger import AnchoredLedger, AnchorPlan
from overnight.storage import LocalStore, ParquetLedger, Receipt, add_receipt, open_ledger, read_receipts, verify
from overnight.storage.segments.segment_file import decode, digest, encode

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILE = """
name: test
parameters:
  x: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {kind: command, command: ["true"]}
workers: 2
budget: {trials: 60}
failures: {back_off: 0}
ledger: ./ledger
receipts: ./kept.jsonl
"""


class TurnedClock(SystemClock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CampaignFile:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    Path("campaign.yaml").write_text(FILE)
    return load_campaign_file("campaign.yaml")


async def run(file: CampaignFile, notify: Callable[[str], None], evaluator: ScriptedEvaluator | None = None) -> History:
    """Run the campaign in this process as `overnight run` does, but without Prefect."""
    opened = open_ledger(file.ledger, file.campaign.name, Path())
    async with anchored(opened, file, SystemClock(), notify) as ledger:
        job = Job(file.campaign, evaluator or ScriptedEvaluator(), SobolProposer(), ledger, Path("unused"))
        return await run_loop(job, PlainSteps(), SystemClock(), StopRequest())


def kept() -> tuple[Receipt, ...]:
    return read_receipts(Path("kept.jsonl")).kept


def opened(file: CampaignFile) -> ParquetLedger:
    return open_ledger(file.ledger, file.campaign.name, Path())


def segment(number: int) -> Path:
    return Path(f"ledger/test/events/00000/{number:020d}.parquet")


def write_anew(first: int, last: int) -> None:
    """Replace these segments by others with the same events, linked into an intact chain."""
    for number in range(first, last + 1):
        events = decode(segment(number).read_bytes(), number, "").events
        previous = digest(segment(number - 1).read_bytes()) if number > 1 else "0" * 64
        segment(number).unlink()
        segment(number).write_bytes(encode(number, events, previous).data)


def never(problem: str) -> None:
    pytest.fail(problem)


async def test_a_run_leaves_receipts_of_its_start_of_its_way_and_of_its_end_that_all_agree(file):
    await run(file, never)
    found = verify(opened(file), kept())
    numbers = [receipt.segment for receipt in kept()]
    assert numbers[0] == 1
    assert numbers[-1] == found.segment == found.anchored
    assert found.segment > 120
    assert any(100 < number < found.segment for number in numbers)
    assert {receipt.ledger for receipt in kept()} == {f"{file.ledger}/test"}


async def test_a_run_that_is_resumed_begins_with_a_receipt_of_what_it_found(file):
    with pytest.raises(CampaignStopped):
        await run(file, never, ScriptedEvaluator(lambda trial, attempt: ValueError("no bread")))
    end = kept()[-1]
    await run(file, never)
    resumed = kept()[[receipt.segment for receipt in kept()].index(end.segment) + 1]
    assert (resumed.segment, resumed.events, resumed.hash) == (end.segment, end.events, end.hash)
    verify(opened(file), kept())


def forget_the_snapshots() -> None:
    for snapshot in Path("ledger/test/snapshots").iterdir():
        snapshot.unlink()


async def test_a_cut_end_is_found_by_what_the_run_left(file):
    await run(file, never)
    last = kept()[-1].segment
    segment(last).unlink()
    forget_the_snapshots()
    done = CliRunner().invoke(app, ["verify"])
    assert done.exit_code == 1
    assert f"{segment(last)}" in done.output
    assert "Its end was cut" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
async def test_a_ledger_written_anew_is_found_by_what_the_run_left_also_where_its_last_receipt_is_gone(file, lost):
    await run(file, never)
    receipts = kept()[: len(kept()) - lost]
    last = kept()[-1].segment
    write_anew(50, last)
    forget_the_snapshots()
    verify(opened(file))
    with pytest.raises(LedgerDamaged, match=rf"{segment(receipts[1].segment)}.*rewritten"):
        verify(opened(file), receipts)


@pytest.mark.parametrize("place", ["no/such/folder/kept.jsonl"])
async def test_receipts_that_cannot_be_written_are_told_once_and_the_campaign_goes_on(file, place):
    said: list[str] = []
    history = await run(file.model_copy(update={"receipts": place}), said.append)
    assert history.closed_by is not None
    assert history.closed_by.kind == "campaign_finished"
    assert history.started == 60
    [problem] = said
    assert f"receipts `{place}`: cannot be written" in problem
    assert "The campaign continues" in problem


async def test_a_file_that_does_not_answer_holds_up_neither_the_campaign_nor_its_end(tmp_path):
    answers = threading.Event()

    class Hanging(ParquetLedger):
        def hash_of(self, number: int) -> str:
            answers.wait()
            return super().hash_of(number)

    said: list[str] = []
    plan = AnchorPlan(tmp_path / "kept.jsonl", "here", segments=1, patience=timedelta(milliseconds=10))
    ledger = AnchoredLedger(Hanging(LocalStore(tmp_path), "bread/"), plan, TurnedClock(), said.append)
    for number in range(1, 6):
        assert await ledger.append([started(number)], after=number - 1) == number
    await ledger.close()
    [problem] = said
    assert "does not respond" in problem
    answers.set()


async def test_a_receipt_is_due_after_some_segments_or_some_time_and_only_if_something_was_appended(tmp_path):
    clock, file = TurnedClock(), tmp_path / "kept.jsonl"
    plan = AnchorPlan(file, "here", segments=3, period=timedelta(minutes=10))
    ledger = AnchoredLedger(ParquetLedger(LocalStore(tmp_path), "bread/"), plan, clock, never)

    async def after_append(number: int) -> list[int]:
        await ledger.append([started(number), started(number + 100)], after=number - 1)
        finish_receipts()
        return [receipt.segment for receipt in read_receipts(file).kept]

    assert await ledger.read() == ()
    assert await after_append(1) == [1]
    assert await after_append(2) == [1]
    assert await after_append(3) == [1]
    assert await after_append(4) == [1, 4]
    clock.time += timedelta(minutes=10)
    await ledger.read(after=4)
    assert await after_append(5) == [1, 4, 5]
    assert await after_append(6) == [1, 4, 5]
    for _ in range(2):
        await ledger.close()
    receipts = read_receipts(file).kept
    assert [(r.segment, r.events) for r in receipts] == [(1, 2), (4, 8), (5, 10), (6, 12)]
    assert verify(ParquetLedger(LocalStore(tmp_path), "bread/"), receipts).anchored == 6


async def test_what_others_appended_is_counted_and_what_was_not_read_is_not_vouched_for(tmp_path):
    store, file = LocalStore(tmp_path), tmp_path / "kept.jsonl"
    other = ParquetLedger(store, "bread/")
    for number in (1, 2):
        await other.append([started(number)], after=number - 1)
    blind = AnchoredLedger(ParquetLedger(store, "bread/"), AnchorPlan(file, "here"), TurnedClock(), never)
    await blind.append([started(3)], after=2)
    await blind.close()
    assert not file.exists()
    seeing = AnchoredLedger(ParquetLedger(store, "bread/"), AnchorPlan(file, "here"), TurnedClock(), never)
    await seeing.read()
    await other.append([started(4)], after=3)
    await seeing.read(after=3)
    await seeing.close()
    assert [(receipt.segment, receipt.events) for receipt in read_receipts(file).kept] == [(3, 3), (4, 4)]
    verify(other, read_receipts(file).kept)


async def test_without_the_key_the_ledger_is_used_as_it_is(file):
    opened = open_ledger(file.ledger, file.campaign.name, Path())
    async with anchored(opened, file.model_copy(update={"receipts": None}), SystemClock(), never) as ledger:
        assert ledger is opened


def test_receipts_begin_at_the_folder_of_the_campaigns_file_and_are_no_part_of_its_settings(tmp_path, file):
    Path("elsewhere").mkdir()
    assert file.receipts == str(tmp_path / "kept.jsonl")
    assert "receipts" not in str(file.settings())
    plain = a_campaign().model_dump(mode="json", exclude_none=True, exclude={"objective"})
    with pytest.raises(Exception, match=r"receipts: expected the path of a file, without `:`, got 's3://bread/kept'"):
        read_campaign({**plain, "minimize": "loss", "evaluator": "a:b", "receipts": "s3://bread/kept"})


def started(number: int) -> AttemptStarted:
    return AttemptStarted(time=NOON, actor="writer", trial=number, attempt=1, key=str(number))


def finish_receipts() -> None:
    """Wait for the threads that write receipts in parallel with appends."""
    for thread in threading.enumerate():
        if thread.name == "receipt":
            thread.join()


CUT, VANISHED, ANOTHER = "its end cut", "gone", "another in its place"


async def damage(file: CampaignFile, how: str) -> None:
    """Leave a ledger that contradicts its receipts."""
    await fill("u", file)
    for number in (2, 4):
        add_receipt(Path("kept.jsonl"), receipt_of_segment(opened(file), number))
    if how == CUT:
        segment(4).unlink()
    else:
        shutil.rmtree("ledger")
    if how == ANOTHER:
        await fill("v", file)


async def fill(uid: str, file: CampaignFile) -> None:
    ledger = opened(file)
    await ledger.append([CampaignDefined(time=NOON, actor="user", uid=uid, definition=file.campaign)], after=0)
    for number in range(2, 5):
        await ledger.append([CampaignResumed(time=NOON, actor="ada", request=number)], after=number - 1)


def receipt_of_segment(ledger: ParquetLedger, number: int) -> Receipt:
    name = str(Path("ledger/test").resolve())
    return Receipt(ledger=name, segment=number, events=number, hash=ledger.hash_of(number), time=NOON)


DOORS = {
    "a run": lambda file: run_campaign(file),
    "AskTell": lambda file: AskTell(file).ask(),
    "a pause": lambda file: append_to(file, Path("campaign.yaml"), lambda history, who, now: []),
    "an import": lambda file: import_results("past.csv", Path("campaign.yaml"), None, skip_misfits=False),
}


@pytest.mark.parametrize("how", [CUT, VANISHED, ANOTHER])
@pytest.mark.parametrize("door", DOORS)
def test_a_ledger_that_lacks_what_its_newest_receipt_names_is_refused_at_every_door(file, how, door):
    Path("past.csv").write_text("x,loss\n0.5,1\n")
    asyncio.run(damage(file, how))
    before = sorted(Path("ledger").rglob("*.parquet"))
    with pytest.raises(
        LedgerDamaged, match=rf"{4:020d}.*expected the one that the newest receipt.*Nothing was written"
    ) as told:
        DOORS[door](file)
    assert "--accept-loss" in str(told.value)
    assert sorted(Path("ledger").rglob("*.parquet")) == before


@pytest.mark.parametrize("how", [CUT, VANISHED, ANOTHER])
def test_a_loss_that_a_person_accepts_is_recorded_and_the_campaign_goes_on(file, how):
    asyncio.run(damage(file, how))
    lost = kept()[-1]
    campaign = AskTell(file, accept_loss="the disk burnt")
    campaign.ask()
    events = [event for segment in asyncio.run(opened(file).read()) for event in segment.events]
    [accepted] = [event for event in events if isinstance(event, LossAccepted)]
    assert (accepted.segment, accepted.hash, accepted.why) == (lost.segment, lost.hash, "the disk burnt")
    assert verify(opened(file), kept()[-1:]).anchored == kept()[-1].segment
    with pytest.raises(LedgerDamaged):
        verify(opened(file), kept())
    # From then on the newest receipt belongs to the current ledger.
    AskTell(file).ask()


def test_a_loss_is_accepted_only_with_a_reason_and_only_if_there_is_one(file, caplog):
    AskTell(file, accept_loss="just so").ask()
    assert "nothing to accept" in caplog.text
    add_receipt(Path("kept.jsonl"), kept_of_another_hash())
    with pytest.raises(LedgerError, match="expected a reason, found none"):
        AskTell(file, accept_loss=" ").ask()


def kept_of_another_hash() -> Receipt:
    return Receipt(ledger=str(Path("ledger/test").resolve()), segment=1, events=1, hash="0" * 64, time=NOON)


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ("nonsense\n", r"kept.jsonl`, line 1: expected a receipt"),
        (None, r"kept.jsonl`: expected a file, found something else"),
        ("of cake", r"expected receipts of campaign `test`.*newest one belongs to `/srv/cake`.*file of its own"),
    ],
)
def test_receipts_that_say_nothing_of_this_ledger_are_named_before_anything_is_written(file, kept, says):
    if kept is None:
        Path("kept.jsonl").mkdir()
    elif kept == "of cake":
        add_receipt(Path("kept.jsonl"), kept_of_another_hash().model_copy(update={"ledger": "/srv/cake"}))
    else:
        Path("kept.jsonl").write_text(kept)
    with pytest.raises(LedgerError, match=says):
        AskTell(file).ask()
    assert not Path("ledger").exists()


async def test_a_run_of_a_deployment_compares_its_ledger_too(file):
    await damage(file, CUT)
    with pytest.raises(LedgerDamaged, match="newest receipt"):
        await run(file, never)
