"""Ask the model in a separate process: `overnight.flows.dashboard.learning.process PARENT`.

The question is JSON on standard input, the answer JSON on standard output.
"""

import asyncio
import os
import sys
from pathlib import Path

from overnight.campaign import History
from overnight.flows.dashboard.learning.learnt import Asked, Learnt, revision_of
from overnight.flows.host.own_packages import has_started
from overnight.flows.host.parent import die_with
from overnight.flows.proposing.ledger_reader import LedgerReader
from overnight.flows.rules.recommending import insight_into, proposer_of, recommendation_of


def learnt_from(history: History) -> Learnt:
    """Return what the model has learnt from all results of a history."""
    proposer = proposer_of(history, Path())
    found = recommendation_of(history, proposer)
    return Learnt(
        results=history.trials.observed,
        last=max((trial.id for trial in history.trials.values() if trial.status == "observed"), default=0),
        revision=revision_of(history),
        recommendation=found,
        insight=insight_into(history, found, proposer),
    )


def answer(parent: int) -> None:
    """Answer one question, with a low priority, because trials may be evaluated on this machine."""
    die_with(parent)
    os.nice(10)
    has_started()
    asked = Asked.model_validate_json(sys.stdin.buffer.read())
    history = asyncio.run(LedgerReader(asked.place).history_after(asked.events))
    sys.stdout.write(learnt_from(history).model_dump_json())


if __name__ == "__main__":
    answer(int(sys.argv[1]))
