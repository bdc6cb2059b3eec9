"""Compare a disturbed campaign's ledger with the log of its evaluations, and name every broken promise."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Literal

from evaluation_log import Evaluated

from overnight.campaign import History
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignFinished,
    Event,
    TrialFailed,
    TrialObserved,
)
from overnight.flows.replay.again import Replayed

Broken = Literal["lost", "foreign", "duplicated", "crowded", "stuck", "budget", "chain", "replay", "open"]
# Causes that are tried again, because they do not reflect on the point.
_TRIED_AGAIN = ("infrastructure", "cancelled", "timeout")
_OUTCOMES = (TrialObserved, TrialFailed)


@dataclass(frozen=True)
class Fault:
    """One broken promise, with a description."""

    broken: Broken
    what: str


@dataclass(frozen=True)
class Evidence:
    """The evidence that a run leaves.

    `seen` are events that were read while it ran, `struck` the attempts with a killed or stopped process, `left` the
    processes that are still alive, `damage` the finding of `verify`. `rolled_back` means that an older copy of the
    ledger was restored, which may lack attempts that ran.
    """

    trials: int
    events: Sequence[Event]
    evaluated: Mapping[str, Evaluated]
    seen: Sequence[Event] = ()
    struck: Sequence[str] = ()
    left: Sequence[str] = ()
    damage: str = ""
    replayed: Sequence[Replayed] = ()
    rolled_back: bool = False

    @cached_property
    def history(self) -> History:
        """Return the final history of the campaign."""
        return History.from_events(self.events)

    @cached_property
    def started(self) -> dict[str, AttemptStarted]:
        """Return the ledger's records of started attempts, by key."""
        return {event.key: event for event in self.events if isinstance(event, AttemptStarted)}


def judge(evidence: Evidence) -> list[Fault]:
    """Return every broken promise; nothing if all were kept."""
    return [*_lost(evidence), *_foreign(evidence), *_duplicated(evidence), *_stuck(evidence), *_others(evidence)]


def _lost(evidence: Evidence) -> Iterator[Fault]:
    for number, (then, now) in enumerate(zip_longest(evidence.seen, evidence.events), 1):
        if then is not None and then != now:
            yield Fault("lost", f"event {number} was `{then.id}` while the campaign ran, and is no more")
            break
    outcomes = {event.trial: event for event in evidence.events if isinstance(event, _OUTCOMES)}
    for trial in range(1, evidence.trials + 1):
        if trial not in outcomes:
            yield Fault("lost", f"trial {trial} has no outcome")
        elif isinstance(outcomes[trial], TrialFailed):
            yield Fault("lost", f"trial {trial} was given up, though its point can be evaluated")
    for key, one in evidence.evaluated.items():
        if key not in evidence.started:
            if not evidence.rolled_back:
                yield Fault("lost", f"`{key}` ran, and the ledger knows nothing of it")
            continue
        outcome = outcomes.get(one.trial)
        told = outcome if isinstance(outcome, TrialObserved) and outcome.attempt == one.attempt else None
        if told is None and one.stored:
            yield Fault("lost", f"`{key}` stored {one.found!r}, and it is not its trial's outcome")
        if told is not None and told.metrics["loss"].mean != one.found:
            yield Fault("lost", f"`{key}` found {one.found!r}, and the ledger says {told.metrics['loss'].mean!r}")
    yield from _forgotten_strikes(evidence)


def _foreign(evidence: Evidence) -> Iterator[Fault]:
    """Name the results recorded for a point or an attempt that did not produce them."""
    points = {trial.id: dict(trial.point) for trial in evidence.history.trials.values()}
    for key, one in evidence.evaluated.items():
        if key in evidence.started and points.get(one.trial) != one.point:
            yield Fault("foreign", f"`{key}` evaluated {one.point}, and its trial's point is {points.get(one.trial)}")
    keys = {(started.trial, started.attempt): key for key, started in evidence.started.items()}
    for event in evidence.events:
        if isinstance(event, TrialObserved) and keys.get((event.trial, event.attempt)) not in evidence.evaluated:
            yield Fault("foreign", f"trial {event.trial} has a result, and no evaluation of its attempt ever began")


def _forgotten_strikes(evidence: Evidence) -> Iterator[Fault]:
    """Name the attempts that were killed or stopped without a result by then, and were not tried again."""
    failed = {(e.trial, e.attempt): e for e in evidence.events if isinstance(e, AttemptFailed)}
    observed = {(e.trial, e.attempt) for e in evidence.events if isinstance(e, TrialObserved)}
    for key in dict.fromkeys(evidence.struck):
        started = evidence.started.get(key)
        if started is None or (started.trial, started.attempt) in observed:
            continue
        end = failed.get((started.trial, started.attempt))
        if end is None or end.cause not in _TRIED_AGAIN or not end.will_retry:
            yield Fault("lost", f"`{key}` was struck, and the ledger has no failure of it that is tried again")


def _duplicated(evidence: Evidence) -> Iterator[Fault]:
    ended: dict[int, Event] = {}
    for event in evidence.events:
        if isinstance(event, AttemptStarted) and event.trial in ended:
            yield Fault("duplicated", f"attempt `{event.key}` was started after its trial had ended")
        if isinstance(event, _OUTCOMES):
            if event.trial in ended:
                yield Fault("duplicated", f"trial {event.trial} has two outcomes")
            ended.setdefault(event.trial, event)
    for key, one in evidence.evaluated.items():
        if len(one.began) > 1:
            yield Fault("duplicated", f"`{key}` was evaluated {len(one.began)} times")
        if not one.alone:
            yield Fault("duplicated", f"`{key}` ran while another attempt of its trial lived")
        if not one.room:
            yield Fault("crowded", f"`{key}` ran while as many evaluations lived as the campaign has workers")
        end = ended.get(one.trial)
        if end is not None and max(one.began) > end.time.timestamp():
            yield Fault("duplicated", f"`{key}` was evaluated after its trial had ended")


def _stuck(evidence: Evidence) -> Iterator[Fault]:
    if not isinstance(evidence.history.closed_by, CampaignFinished):
        yield Fault("stuck", "the campaign was not finished in time")
    for trial in evidence.history.trials.values():
        if trial.open_attempt is not None:
            yield Fault("stuck", f"`{trial.open_attempt.key}` is still open")
    for process in evidence.left:
        yield Fault("stuck", f"a process was left over: {process}")


def _others(evidence: Evidence) -> Iterator[Fault]:
    if evidence.history.started != evidence.trials:
        yield Fault("budget", f"{evidence.history.started} trials were started, {evidence.trials} were to be")
    if evidence.damage:
        yield Fault("chain", evidence.damage)
    for found in evidence.replayed:
        if found.verdict != "same":
            yield Fault("replay", f"trial {found.trial} is {found.verdict}: {found.why}")


def count(faults: Sequence[Fault]) -> Counter[str]:
    """Return how often each promise was broken."""
    return Counter(fault.broken for fault in faults)
