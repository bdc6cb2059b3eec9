"""The process that computes proposals: it answers as `propose` does, and may hang or die without harm."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.bo_core import BayesianProposer, CustomProposer, SobolProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import computed
from overnight.campaign import Campaign, History
from overnight.campaign.errors import CannotPropose, SpaceExhausted
from overnight.campaign.history.events import CampaignDefined
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.ledger_reader import LedgerReader
from overnight.flows.proposing.messages import Question, RecommendationQuestion, place_of
from overnight.flows.proposing.proposers import Proposers
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import ProposerUnavailable
from overnight.flows.proposing.slot import ProposalSlot
from overnight.storage import open_ledger

pytestmark = pytest.mark.slow
# A process takes seconds to import torch, so these tests share a slot, which replaces a process that a test has ended.
shares_the_slot = pytest.mark.asyncio(loop_scope="module")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = timedelta(minutes=2)

# The file `mischief` in its folder selects the harm that it does to the process.
MISCHIEF = """
import os, pathlib, time
from overnight.campaign import Proposal

class Mischief:
    def propose(self, campaign, history, q):
        print("a line on standard output")
        what = pathlib.Path(__file__).with_name("mischief").read_text()
        if what == "hang":
            time.sleep(3600)
        if what == "die":
            os.write(2, b"the GPU fell off the bus")
            os._exit(3)
        if what == "blab":
            os.write(2, b"x" * 9999 + os.environ["HUB_TOKEN"].encode() + os.environ["DATABASE"].encode())
            os._exit(3)
        if what == "raise":
            raise RuntimeError(os.environ["HUB_TOKEN"] + " " + os.environ["DBPASSWORD"])
        if what == "tear":
            # Whatever pipe is left beside the standard streams is the one for answers.
            answers = next(fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")
                           and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"))
            os.write(answers, b'{"proposals": [{"poi')
            os._exit(9)
        return [Proposal(point={"x": 0.5, "n": 7}, generator="custom")] * q
"""


async def a_ledger(folder: Path, campaign: Campaign) -> Path:
    defined = CampaignDefined(time=NOON, actor="user", uid="1", definition=campaign)
    await open_ledger(str(folder), campaign.name, folder).append([defined], after=0)
    return folder


def question(ledger: Path, asked, q: int = 1, events_seen: int = 1) -> Question:
    return Question(place=place_of(str(ledger), "test"), events_seen=events_seen, q=q, asked=asked)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the third party's code and of the slot's log."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "mischief_maker.py").write_text(MISCHIEF)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slot(workshop: Path) -> AsyncIterator[ProposalSlot]:
    known = {"HUB_TOKEN": "hub-4711", "DATABASE": "postgres://me:4711@db", "DBPASSWORD": "4711"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        async with ProposalSlot(log_of(workshop), LONG, {"DATABASE": known["DATABASE"]}) as slot:
            yield slot


def log_of(workshop: Path) -> Path:
    return workshop / "proposer" / "log"


@contextmanager
def limited(slot: ProposalSlot, limit: timedelta) -> Iterator[None]:
    slot._time_limit = limit
    try:
        yield
    finally:
        slot._time_limit = LONG


def mischief(workshop: Path, what: str) -> CustomProposer:
    (workshop / "mischief").write_text(what)
    return CustomProposer(implementation="mischief_maker:Mischief", folder=workshop)


@shares_the_slot
async def test_a_slot_answers_what_propose_returns_at_every_moment_of_a_campaign(slot, tmp_path):
    ledger, asked = open_ledger(str(tmp_path), "test", tmp_path), BayesianProposer(initial=3)
    campaign = a_campaign(budget={"trials": 6})
    job = Job(campaign, ScriptedEvaluator(), asked, ledger, tmp_path)
    await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
    events = [event for segment in await ledger.read() for event in segment.events]
    # Also backwards, since another controller may have asked before.
    for seen in (1, len(events), len(events) - 5):
        answer = await slot.ask(question(tmp_path, asked, q=2, events_seen=seen))
        assert answer == propose(campaign, History.from_events(events[:seen]), asked, 2)


@shares_the_slot
async def test_a_slot_computes_the_recommendation_that_this_process_would(slot, tmp_path):
    proposer = BayesianProposer(initial=2, draws=32, raw_points=64, restarts=2)
    ledger = open_ledger(str(tmp_path / "ledger"), "test", tmp_path)
    evaluator = ScriptedEvaluator(lambda trial, attempt: float(trial))
    job = Job(a_campaign(budget={"trials": 4}), evaluator, proposer, ledger, tmp_path)
    history = await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
    asked = {"place": place_of(str(tmp_path / "ledger"), "test"), "settings_of": proposer}
    found = await slot.recommended(RecommendationQuestion(events_seen=history.events_read, **asked))
    assert found == computed(history.definition, history, proposer)
    assert await slot.recommended(RecommendationQuestion(events_seen=1, **asked)) is None
    with pytest.raises(ProposerUnavailable, match="expected 999 events"):
        await slot.recommended(RecommendationQuestion(events_seen=999, **asked))


@shares_the_slot
async def test_what_a_third_party_prints_is_no_answer(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    await slot.warm_up()
    before = len(log_of(workshop).read_text())
    answer = await slot.ask(question(ledger, mischief(workshop, "behave")))
    assert answer[0].point == {"x": 0.5, "n": 7}
    assert "a line on standard output" in log_of(workshop).read_text()[before:]


@shares_the_slot
async def test_a_slot_that_hangs_is_killed_and_the_next_question_is_answered(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    asked = mischief(workshop, "behave")
    assert await slot.ask(question(ledger, asked))
    mischief(workshop, "hang")
    with limited(slot, timedelta(seconds=1)), pytest.raises(ProposerUnavailable, match="no answer came within 1s"):
        await slot.ask(question(ledger, asked))
    mischief(workshop, "behave")
    assert await slot.ask(question(ledger, asked))


@shares_the_slot
async def test_a_slot_that_is_stopped_is_given_up_in_time_and_killed(slot, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    await slot.warm_up()
    stopped = slot._process
    stopped.send_signal(signal.SIGSTOP)
    with limited(slot, timedelta(seconds=0.2)), pytest.raises(ProposerUnavailable, match=r"came within 0\.2s"):
        await slot.ask(question(ledger, SobolProposer()))
    assert stopped.returncode == -signal.SIGKILL
    assert slot._process is None


@shares_the_slot
async def test_a_slot_that_dies_says_its_last_words_and_is_replaced(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    asked = mischief(workshop, "die")
    with pytest.raises(ProposerUnavailable, match="the GPU fell off the bus"):
        await slot.ask(question(ledger, asked))
    mischief(workshop, "behave")
    assert await slot.ask(question(ledger, asked))


@shares_the_slot
async def test_last_words_are_kept_without_secrets_and_not_all_of_them(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    with pytest.raises(ProposerUnavailable, match=r"x\[HUB_TOKEN\]\[DATABASE\]$") as away:
        await slot.ask(question(ledger, mischief(workshop, "blab")))
    assert str(away.value).count("x") < 9999


@shares_the_slot
async def test_what_a_third_party_raises_is_told_without_secrets(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    with pytest.raises(CannotPropose, match=r"RuntimeError: \[HUB_TOKEN\] \[DBPASSWORD\]"):
        await slot.ask(question(ledger, mischief(workshop, "raise")))


@shares_the_slot
async def test_who_asks_no_longer_leaves_no_answer_to_the_next_question(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    await slot.warm_up()
    first = asyncio.create_task(slot.ask(question(ledger, mischief(workshop, "hang"))))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert len(await slot.ask(question(ledger, SobolProposer(), q=3))) == 3


@shares_the_slot
async def test_a_space_without_another_point_is_told_as_that(slot, tmp_path):
    space = {"n": {"kind": "int", "low": 1, "high": 2}}
    campaign = a_campaign(parameters=space, start_with=[{"n": 1}, {"n": 2}])
    ledger = open_ledger(str(tmp_path), "test", tmp_path)
    job = Job(campaign, ScriptedEvaluator(), SobolProposer(), ledger, tmp_path)
    await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
    seen = sum(len(segment.events) for segment in await ledger.read())
    with pytest.raises(SpaceExhausted):
        await slot.ask(question(tmp_path, SobolProposer(), events_seen=seen))


@shares_the_slot
async def test_a_ledger_that_holds_less_than_was_seen_is_no_ground_for_a_proposal(slot, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    with pytest.raises(ProposerUnavailable, match="expected 9 events of campaign `test`, found 1"):
        await slot.ask(question(ledger, SobolProposer(), events_seen=9))


async def test_a_reader_folds_no_more_than_it_is_asked_for(tmp_path):
    ledger = open_ledger(str(tmp_path), "test", tmp_path)
    job = Job(a_campaign(), ScriptedEvaluator(), SobolProposer(), ledger, tmp_path)
    whole = await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
    events = [event for segment in await ledger.read() for event in segment.events]
    reader = LedgerReader(place_of(str(tmp_path), "test"))
    for seen in (3, 4, len(events), 2):
        assert await reader.history_after(seen) == History.from_events(events[:seen])
    assert whole.model_view() == History.from_events(events).model_view()


CONTROLLER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from overnight.flows.proposing.slot import ProposalSlot

async def main():
    slot = ProposalSlot(Path(sys.argv[1]) / "log", timedelta(minutes=2))
    await slot.warm_up()
    print(slot._process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_process_is_gone_when_its_controller_was_killed(tmp_path):
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    pid = int(controller.stdout.readline())
    slot = os.pidfd_open(pid)
    controller.kill()
    controller.communicate()
    # A pidfd becomes readable when its process has ended.
    ready, _, _ = select.select([slot], [], [], 60)
    os.close(slot)
    assert ready


def test_a_controller_needs_no_torch():
    ours = "overnight.flows.engine.campaign_flow, overnight.flows.engine.deployment, overnight.flows.api.run"
    imports = f"import sys, {ours}; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", imports], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@shares_the_slot
async def test_a_process_that_dies_in_the_middle_of_an_answer_is_away_and_the_next_one_answers(
    slot, workshop, tmp_path
):
    ledger = await a_ledger(tmp_path, a_campaign())
    asked = mischief(workshop, "tear")
    with pytest.raises(ProposerUnavailable, match="died"):
        await slot.ask(question(ledger, asked))
    mischief(workshop, "behave")
    assert len(await slot.ask(question(ledger, asked))) == 1


@shares_the_slot
async def test_a_log_that_somebody_has_cleared_away_hides_no_death(slot, workshop, tmp_path):
    ledger = await a_ledger(tmp_path, a_campaign())
    await slot.warm_up()
    log_of(workshop).unlink()
    with pytest.raises(ProposerUnavailable, match="died"):
        await slot.ask(question(ledger, mischief(workshop, "die")))


async def test_where_no_process_can_be_started_the_proposer_is_away(tmp_path):
    ledger = await a_ledger(tmp_path / "ledger", a_campaign())
    (tmp_path / "proposer").write_text("a file where the folder of the log should be")
    async with ProposalSlot(tmp_path / "proposer" / "log", LONG) as slot:
        with pytest.raises(ProposerUnavailable, match="could not be started"):
            await slot.ask(question(ledger, SobolProposer()))


async def test_a_question_has_one_key_whoever_asks_it_and_another_where_more_was_seen(tmp_path):
    asked = CustomProposer(implementation="mischief_maker:Mischief", folder=tmp_path)
    elsewhere = asked.model_copy(update={"folder": tmp_path / "elsewhere"})
    first = question(tmp_path, asked)
    assert question(tmp_path, elsewhere).key == first.key
    others = [question(tmp_path, asked, events_seen=2), question(tmp_path, asked, q=2)]
    others += [question(tmp_path / "ledger", asked), question(tmp_path, SobolProposer())]
    assert len({first.key, *(other.key for other in others)}) == 5


def test_a_question_is_the_same_for_the_controller_that_takes_over(tmp_path):
    first = question(tmp_path, SobolProposer(), events_seen=7).model_copy(update={"leases": 1})
    again = first.model_copy(update={"events_seen": 8, "leases": 2})
    assert again.key == first.key
    assert again.model_copy(update={"events_seen": 9}).key != first.key


def test_a_campaign_that_begins_anew_in_the_place_of_a_deleted_ledger_asks_other_questions(tmp_path):
    def asked_by(uid: str) -> Question:
        defined = CampaignDefined(time=NOON, actor="user", uid=uid, definition=a_campaign())
        request = ProposalRequest(SobolProposer(), History.from_events([defined]), events_seen=1, q=1)
        slot = ProposalSlot(tmp_path / "log", LONG)
        return Proposers(place_of(str(tmp_path), "test"), slot, slot).of(request)[1]

    assert asked_by("1").key == asked_by("1").key
    assert asked_by("1").key != asked_by("2").key
