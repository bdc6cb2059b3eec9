"""An evaluator that has changed since earlier trials were measured."""

from collections.abc import Callable
from pathlib import Path

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines

from overnight.bo_core import SobolProposer
from overnight.campaign import History
from overnight.campaign.errors import CampaignStopped, InvalidDefinition
from overnight.campaign.history.events import CampaignDefined, LeaseTaken
from overnight.evaluators import PythonEvaluator
from overnight.evaluators.sources import SourceFiles, Sources
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.report.explanation import version_sentence
from overnight.report.phrases.general import trials_text
from overnight.report.story.versions import versions_of
from overnight.storage import MemoryLedger


class Campaigner:
    """Runs one campaign repeatedly, with an objective in a file."""

    def __init__(self, folder: Path, *, refuse: bool = False) -> None:
        self.module, self.refuse, self.ledger, self.said = folder / "objective.py", refuse, MemoryLedger(), list[str]()
        self.hashes: Callable[[], Sources] = SourceFiles(PythonEvaluator(function="objective:f", folder=folder)).hashes
        self.module.write_text("version = 1")

    async def run(self, trials: int, during: Callable[[int], None] = lambda trial: None, most: int = 8) -> History:
        """Run until this number of trials has ended, then drain."""
        stop = StopRequest()

        def evaluate(trial: int, attempt: int) -> float:
            during(trial)
            if trial == trials:
                stop.ask_for(Stop.DRAIN)
            return 1.0

        campaign = a_campaign(workers=1, budget={"trials": most})
        job = Job(
            campaign,
            ScriptedEvaluator(evaluate),
            SobolProposer(),
            self.ledger,
            Path("unused"),
            sources=self.hashes,
            refuse_changed=self.refuse,
        )
        return await run_loop(job, PlainSteps(), SystemClock(), stop, notify=self.said.append)


async def test_trials_are_known_by_the_version_that_measured_them_and_the_change_is_said(tmp_path: Path):
    campaigner = Campaigner(tmp_path)
    await campaigner.run(3)
    assert campaigner.said == []
    campaigner.module.write_text("version = 2\nimport helper")
    (tmp_path / "helper.py").touch()
    history = await campaigner.run(5)
    [_, changed] = campaigner.said
    assert "(changed: objective.py; added: helper.py)" in changed
    (old, first), (new, second) = ((v.digest, list(v.trials)) for v in versions_of(history))
    assert (first, second) == ([1, 2, 3], [4, 5])
    assert f"trials 1–3 by version {old}" in changed
    [line] = [line for line in status_lines(history) if "evaluator" in line]
    assert f"{old} trials 1–3; {new} trials 4–5 (changed: objective.py; added: helper.py)" in line
    assert f"version {new}" in str(version_sentence(history, history.trials[4]))


async def test_an_evaluator_that_stays_the_same_is_no_news(tmp_path: Path):
    campaigner = Campaigner(tmp_path)
    await campaigner.run(3)
    campaigner.module.touch()
    history = await campaigner.run(5)
    assert not any("evaluator" in text for text in campaigner.said)
    assert not any("evaluator" in line for line in status_lines(history))
    assert len(history.evaluators) == 1
    leases = [event for event in await events_of(campaigner.ledger) if isinstance(event, LeaseTaken)]
    assert len(leases) == 2
    assert leases[0].sources == leases[1].sources == campaigner.hashes()


async def test_a_change_while_the_campaign_runs_is_noticed_at_the_next_trial(tmp_path: Path):
    campaigner = Campaigner(tmp_path)

    def changes(trial: int) -> None:
        campaigner.module.write_text(f"version = {1 if trial < 3 else 22}")

    history = await campaigner.run(5, changes)
    assert [v.trials for v in versions_of(history)] == [(1, 2, 3), (4, 5)]
    assert len([text for text in campaigner.said if "The evaluator has changed" in text]) == 1


async def test_a_campaign_whose_file_says_so_measures_nothing_with_a_changed_evaluator(tmp_path: Path):
    campaigner = Campaigner(tmp_path, refuse=True)
    await campaigner.run(3)
    before = await events_of(campaigner.ledger)
    campaigner.module.write_text("version = 2")
    with pytest.raises(InvalidDefinition, match=r"`evaluator_changed`: .*\(changed: objective.py\).*note"):
        await campaigner.run(5, most=9)
    assert await events_of(campaigner.ledger) == before
    campaigner.module.write_text("version = 1")
    assert (await campaigner.run(5)).trials.observed == 5


async def test_a_change_while_such_a_campaign_runs_stops_it_and_what_runs_is_recorded(tmp_path: Path):
    campaigner = Campaigner(tmp_path, refuse=True)

    def changes(trial: int) -> None:
        campaigner.module.write_text(f"version = {1 if trial < 3 else 22}")

    with pytest.raises(CampaignStopped, match="refuse"):
        await campaigner.run(8, changes)
    history = History.from_events(await events_of(campaigner.ledger))
    assert history.trials.observed == 3
    assert history.closed_by.kind == "campaign_drained"


async def test_a_ledger_that_knows_no_version_goes_on_in_silence(tmp_path: Path):
    campaigner = Campaigner(tmp_path, refuse=True)
    hashes, campaigner.hashes = campaigner.hashes, dict
    await campaigner.run(3)
    campaigner.hashes = hashes
    history = await campaigner.run(5)
    assert [v.trials for v in versions_of(history)] == [(4, 5)]
    assert len(history.evaluators) == 1
    assert not any("The evaluator has changed" in text for text in campaigner.said)


def test_an_event_from_before_is_read_as_one_that_knows_no_files():
    lease = LeaseTaken.model_validate_json(
        '{"time": "2026-01-01T00:00:00Z", "actor": "controller", "epoch": 1, "host": "h", "pid": 1, "started": "1"}'
    )
    assert lease.sources is None
    defined = CampaignDefined(time=lease.time, actor="user", uid="1", definition=a_campaign())
    assert History.from_events([defined, lease]).evaluators == ()


@pytest.mark.parametrize(
    ("numbers", "text"), [([3], "trial 3"), ([1, 2, 3], "trials 1–3"), ([7, 1, 2, 4], "trials 1–2, 4, 7")]
)
def test_numbers_of_trials_are_said_in_few_words(numbers: list[int], text: str):
    assert trials_text(numbers) == text
