"""`overnight status --watch` shows the events that others append, until the campaign has finished."""

import asyncio
from pathlib import Path

import pytest
from told_stories import Story, campaign_of
from typer.testing import CliRunner

from overnight import minimize
from overnight.campaign.errors import LedgerError
from overnight.flows.cli import app
from overnight.flows.commands.read.kept import Kept
from overnight.flows.commands.read.watch import watch
from overnight.storage import MemoryLedger, open_ledger


class GrowingLedger(MemoryLedger):
    """A ledger to which another process has appended whenever it is read again.

    A text is a failure to read, and None a ledger that is gone at that time.
    """

    def __init__(self, *grows):
        super().__init__()
        self.grows = list(grows)
        self.chain, self.is_gone = self, False

    def there(self, number):
        return None if self.is_gone else self.hash_of(number)

    def hash_of(self, number):
        return f"hash {number}"

    async def read(self, *, after=0):
        grows = self.grows.pop(0) if self.grows else []
        self.is_gone = grows is None
        if isinstance(grows, str):
            raise LedgerError(grows)
        if grows:
            await self.append(grows, after=len(await super().read()))
        return await super().read(after=after)


@pytest.fixture
def story():
    return Story(campaign_of()).tried(1, 0, mean=1.0).proposed(2, 1).started(2, 1)


def watched(monkeypatch, ledger):
    monkeypatch.setattr(Kept, "ledger", ledger)
    monkeypatch.setattr(Kept, "events", lambda kept: [])
    watch(Path(), every=0)


def test_each_trial_that_ends_gets_a_line_and_the_end_is_the_status(story, capsys, monkeypatch):
    begun = list(story.events)
    ended = story.failed(2, 2, message="no room").tried(3, 3, mean=0.5).finished(4).events[len(begun) :]
    watched(monkeypatch, GrowingLedger(begun, ended[:1], [], ended[1:]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("rates: minimize loss in 10 trials")
    end = lines.index("rates: finished: budget spent")
    assert [line.split()[1] for line in lines[1:end]] == ["2", "3"]


def test_a_ledger_that_cannot_be_read_for_a_while_is_reported_once_for_each_reason(story, capsys, monkeypatch):
    begun = list(story.events)
    ended = story.observed(2, 3, mean=0.5).finished(4).events[len(begun) :]
    watched(monkeypatch, GrowingLedger(begun, "the bucket is away", "the bucket is away", "no answer", ended))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line in ("the bucket is away", "no answer")] == [
        "the bucket is away",
        "no answer",
    ]
    assert "rates: finished: budget spent" in lines


def test_a_ledger_that_was_deleted_is_not_shown_as_if_nothing_had_happened(story, capsys, monkeypatch):
    begun = list(story.events)
    ended = story.observed(2, 3, mean=0.5).finished(4).events[len(begun) :]
    watched(monkeypatch, GrowingLedger(begun, None, ended))
    assert capsys.readouterr().out.count("found that its newest segments are gone") == 1


def test_a_finished_campaign_is_shown_once(story, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asyncio.run(open_ledger("ledger", "rates", Path()).append(story.observed(2, 2, mean=3).finished(3).events, after=0))
    watch(Path("ledger/rates"))
    assert capsys.readouterr().out.count("rates: finished: budget spent") == 1


@pytest.mark.parametrize("other", [["--as-of", "3"], ["--format", "json"]])
def test_what_cannot_be_watched_is_refused(other):
    found = CliRunner().invoke(app, ["status", "--watch", *other])
    assert found.exit_code == 2
    assert "expected --watch without" in found.output.replace("\n", " ").replace("│", "")


def test_a_loop_of_ones_own_that_has_tried_all_is_over(tmp_path, capsys):
    minimize(lambda params: params["x"], {"x": (0, 1)}, trials=2, ledger=str(tmp_path))
    watch(tmp_path / "minimize")
    assert "2 observed" in capsys.readouterr().out
