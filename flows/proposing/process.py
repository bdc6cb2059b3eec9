"""Compute proposals and recommendations in a separate process: `overnight.flows.proposing.process PARENT`.

Questions are lines of JSON on standard input, answers are lines of JSON on the original standard output. Text that a
third party's code prints goes to standard error.
"""

import asyncio
import os
import sys
import traceback

from pydantic import TypeAdapter

from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import computed
from overnight.campaign import History
from overnight.campaign.errors import CannotPropose, LedgerError
from overnight.flows.host.own_packages import has_started
from overnight.flows.host.parent import die_with
from overnight.flows.proposing.ledger_reader import LedgerReader
from overnight.flows.proposing.messages import Answer, Question, RecommendationQuestion

_read: TypeAdapter[Question | RecommendationQuestion] = TypeAdapter(Question | RecommendationQuestion)


class Computer:
    """Answers questions, and remembers the ledger it read last, so that the next answer reads only new events."""

    def __init__(self) -> None:
        self._reader: LedgerReader | None = None

    async def answer(self, question: Question | RecommendationQuestion) -> Answer:
        """Return the points or the recommendation, or the reason if there are none."""
        if self._reader is None or self._reader.place != question.place:
            self._reader = LedgerReader(question.place)
        try:
            history = await self._reader.history_after(question.events_seen)
            return _computed(history, question)
        except CannotPropose as problem:
            return Answer.refusing(problem)
        except LedgerError as problem:
            return Answer(why=str(problem))
        except Exception:
            # Return the error, since nothing else shows it; the same code may succeed after more events.
            return Answer(why=traceback.format_exc(limit=-3))


def _computed(history: History, question: Question | RecommendationQuestion) -> Answer:
    if isinstance(question, RecommendationQuestion):
        return Answer(recommended=computed(history.definition, history, question.settings_of))
    return Answer(proposals=propose(history.definition, history, question.asked, question.q))


def serve(parent: int) -> None:
    """Answer questions until standard input ends or the parent dies."""
    die_with(parent)
    has_started()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    # Buffered by line, so that printed lines are in the log even if the process is killed.
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    computer = Computer()
    with asyncio.Runner() as runner:
        for line in sys.stdin.buffer:
            answer = runner.run(computer.answer(_read.validate_json(line)))
            answers.write(answer.model_dump_json().encode() + b"\n")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
