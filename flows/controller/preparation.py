"""Request proposals in time, and from a stand-in while the proposer does not answer."""

import asyncio
import math
from dataclasses import dataclass
from itertools import islice

from overnight.campaign import History, Proposal
from overnight.campaign.errors import CampaignStopped, OvernightError, SpaceExhausted
from overnight.flows.controller.asking import Answered, Asking, passed
from overnight.flows.controller.job import Job, Steps
from overnight.flows.proposing.request import ProposalRequest
from overnight.flows.proposing.settings import ProposerUnavailable, Proposing
from overnight.flows.rules.allowance import Allowance
from overnight.flows.rules.duration_forecast import typical_duration

# How many of the latest proposals predict the time of the next one, and among how many trials they are searched for.
_LATEST, _NEWEST = 5, 100
# The share of their time that workers may wait for proposals before proposing ahead is better.
_EVEN = 1 / 8
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
# The most misses of a stand-in in a row: with their pauses, about as long as the longest wait for the ledger's store.
_MOST_MISSES = 16


@dataclass
class _Patience:
    """The requests in a row that a proposer left unanswered, and the time of the next: at once, then after pauses."""

    misses: int = 0
    again_at: float = 0.0

    def miss(self) -> None:
        """Count a request without an answer; wait twice as long as the last time."""
        pause = 0.0 if self.misses == 0 else _FIRST_PAUSE * 2.0 ** min(self.misses - 1, 30)
        self.again_at = passed() + min(pause, _LONGEST_PAUSE)
        self.misses += 1

    @property
    def left(self) -> float:
        """Return the seconds until the next request."""
        return self.again_at - passed()


class Preparation:
    """The requests under way: one to the proposer, and one to its stand-in while the proposer does not answer.

    A proposer that gave no answer is asked again at once, then after pauses that double up to a minute; until it
    answers, its stand-in fills the slots. The stand-in is asked again in the same way, if either of them has answered
    before: a short outage that affects both, such as that of a store, is no reason to end a night.
    """

    def __init__(self, job: Job, steps: Steps) -> None:
        self._job, self._steps = job, steps
        self._main: Asking | None = None
        self._stand_in: Asking | None = None
        self._away: str | None = None
        self._patience, self._patience_with_stand_in = _Patience(), _Patience()
        self._answered = False
        # The revision of the campaign that has no other point to propose.
        self._exhausted: tuple[object] | None = None

    @property
    def tasks(self) -> set[asyncio.Task[list[Proposal]]]:
        """Return the requests under way."""
        return {asking.task for asking in (self._main, self._stand_in) if asking is not None}

    def exhausted(self, history: History) -> bool:
        """Return whether the current space holds no other point, or no other arm of a batch."""
        return self._exhausted == (history.revised,)

    def ask(self, allowed: Allowance, events_seen: int) -> None:
        """Ask for the points that are needed now or soon, unless a request is already under way."""
        wanted = min(allowed.idle + self._ahead(allowed), allowed.unproposed)
        needed = min(allowed.idle, allowed.unproposed)
        if self._main is None and wanted > 0 and self._patience.left <= 0:
            self._main = self._asking(ProposalRequest(self._job.proposer, allowed.history, events_seen, wanted))
        fallback = self._job.proposing.fallback
        patient = self._away is not None and self._patience_with_stand_in.left <= 0
        if self._stand_in is None and patient and needed > 0 and fallback != "none":
            request = ProposalRequest(self._job.proposer, allowed.history, events_seen, needed, fallback)
            self._stand_in = self._asking(request, self._away)

    def pause(self, allowed: Allowance) -> float | None:
        """Return the seconds until the next request may be made; None if no request waits for a pause."""
        pauses = [self._patience.left] if self._main is None else []
        if self._stand_in is None and self._away is not None:
            pauses.append(self._patience_with_stand_in.left)
        return min((left for left in pauses if left > 0 and allowed.unproposed > 0), default=None)

    def answered(self) -> list[Answered]:
        """Return the answers of the requests that have ended; raises an error that the proposer would raise again."""
        ended = [asking for asking in (self._main, self._stand_in) if asking is not None and asking.task.done()]
        for asking in ended:
            self._forget(asking)
        return [asking.answered() for asking in ended if self._is_answer(asking)]

    def _asking(self, request: ProposalRequest, away: str | None = None) -> Asking:
        return Asking(asyncio.create_task(self._steps.propose(request)), request, passed(), away)

    def _forget(self, asking: Asking) -> None:
        if asking is self._main:
            self._main = None
        else:
            self._stand_in = None

    def _is_answer(self, asking: Asking) -> bool:
        """Return whether points came; remember whether the proposer answers."""
        error = None if asking.task.cancelled() else asking.task.exception()
        if isinstance(error, SpaceExhausted):
            self._exhausted = (asking.request.history.revised,)
            return False
        if isinstance(error, OvernightError) and not isinstance(error, ProposerUnavailable):
            raise error
        if error is not None or asking.task.cancelled():
            # An error of the engine or the machine, unlike one of ours, may not happen again.
            ours = isinstance(error, ProposerUnavailable)
            said = "it was cancelled" if error is None else str(error) if ours else f"{type(error).__name__}: {error}"
            self._miss(said, asking.request)
            return False
        if not asking.task.result() and asking.request.history.definition.is_ab_test:
            # No arm is worth a batch, and nothing that happens by itself would change that.
            self._exhausted = (asking.request.history.revised,)
            return False
        self._answered = True
        if asking.request.stand_in is None:
            self._away, self._patience.misses = None, 0
        self._patience_with_stand_in.misses = 0
        return True

    def _miss(self, why: str, request: ProposalRequest) -> None:
        """Record that the proposer gave no answer; raises CampaignStopped if nothing else can stand in for it."""
        nothing = self._job.proposing.fallback == "none"
        alone = "With `proposing.fallback: none`, nothing stands in for the proposer" if nothing else None
        if request.stand_in is not None:
            self._patience_with_stand_in.miss()
            if self._answered and self._patience_with_stand_in.misses < _MOST_MISSES:
                return
            alone = f"The stand-in for the proposer, which does not answer ({self._away}), failed as well"
        if alone is not None:
            raise CampaignStopped(
                f"No proposal came: {why}. {alone}. Correct that and run the campaign again: it continues from "
                "where it stopped."
            )
        self._away = why
        self._patience.miss()

    def _ahead(self, allowed: Allowance) -> int:
        """Return how many more points should be ready in advance, besides those that are needed now."""
        if self._away is not None:
            # One point that no worker waits for, to learn whether the proposer answers again.
            return 1
        ready = len(allowed.ready)
        return max(points_ahead(allowed.history, self._job.proposing) - ready, 0)


def points_ahead(history: History, proposing: Proposing) -> int:
    """Return how many points should be proposed before a slot is free for them.

    If a proposal takes p seconds and an evaluation d seconds, proposing only when a slot is free leaves about
    p / (p + d) of each worker's time unused; proposing ahead decides each time without the latest results. In campaigns
    with 1, 4 and 16 workers the two were even at about an eighth (docs/proofs/proposing.md). Above that, the number of
    points ahead is one more than the average number that start while the next ones are computed.
    """
    campaign = history.definition
    # A person approves each trial first, however soon a worker is free. A batch learns from the whole one before it.
    if proposing.ahead == "never" or campaign.approve == "always" or campaign.is_ab_test:
        return 0
    made, tried, workers = _typical_seconds(history), typical_duration(history), campaign.at_once
    if made is None or tried is None:
        return 1 if proposing.ahead == "always" else 0
    idle = made / (made + tried) if made > 0 else 0.0
    if proposing.ahead == "auto" and idle <= _EVEN:
        return 0
    return min(1 + math.ceil(workers * idle), workers)


def _typical_seconds(history: History) -> float | None:
    """Return the median time of the latest proposals that used results; None before the first of them."""
    newest = (trial.proposal for trial in islice(history.trials.newest_first(), _NEWEST))
    made = (p.provenance for p in newest if p.generator in ("model", "custom"))
    asked = (m.asked for m in made if m is not None and m.asked.stand_in is None)
    latest = sorted(islice((by.seconds for by in asked if by.seconds is not None), _LATEST))
    return latest[len(latest) // 2] if latest else None
