"""Recorded proposals made again from the events that they saw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from bo_core import AnyProposer
from bo_core.propose import propose
from campaign import Campaign, History, Proposal
from campaign.errors import OvernightError
from campaign.events import Event, TrialProposed
from campaign.trial import Provenance

Verdict = Literal["same", "different", "other stack"]

# What whoever called `propose` added, and what says on which machine and with which versions.
_ADDED = {"events_seen", "seconds", "commit"}
_STACK = {"libraries", "threads", "device"}
_proposer: TypeAdapter[AnyProposer] = TypeAdapter(AnyProposer)


@dataclass(frozen=True)
class Replayed:
    """How a recorded proposal compares with the one made again; `why` names what differs."""

    trial: int
    verdict: Verdict
    why: str = ""


def replay(events: Sequence[Event], folder: Path, only: int | None = None) -> Iterator[Replayed]:
    """Return a verdict on each proposal that was computed, or `only` on one trial's, in the order of their trials.

    A third party's proposer is looked for in `folder`. `same` is to the last bit; on another stack, other versions,
    threads or instructions, bits may differ and the verdict says so.
    """
    first = {e.trial: e for e in reversed(events) if isinstance(e, TrialProposed)}
    computed = [e for e in first.values() if e.provenance and e.provenance.events_seen]
    # Those of one batch saw the same and have one seed.
    for _, batch in groupby(sorted(computed, key=lambda event: event.trial), key=_ask):
        together = list(batch)
        if only is None or only in [event.trial for event in together]:
            yield from (found for found in _compared(events, together, folder) if only in (None, found.trial))


def _ask(event: TrialProposed) -> tuple[int, int]:
    assert event.provenance is not None
    return event.provenance.events_seen or 0, event.provenance.seed


def _compared(events: Sequence[Event], batch: Sequence[TrialProposed], folder: Path) -> Iterator[Replayed]:
    try:
        seen, _ = _ask(batch[0])
        history = History.from_events(events[:seen])
        campaign, proposer = _asked(history, folder)
        again = propose(campaign, history, proposer, batch[-1].trial - history.next_trial + 1)
        made = {history.next_trial + i: proposal for i, proposal in enumerate(again)}
    except (OvernightError, ValidationError) as problem:
        yield from (Replayed(event.trial, "different", f"it cannot be made: {problem}") for event in batch)
        return
    for event in batch:
        yield _verdict(event, made.get(event.trial))


def _asked(history: History, folder: Path) -> tuple[Campaign, AnyProposer]:
    latest = history.revised or history.defined
    settings = {} if latest is None else latest.settings.get("proposer") or {}
    if settings.get("kind") == "python":
        settings = {**settings, "folder": folder}
    return history.definition, _proposer.validate_python(settings)


def _verdict(event: TrialProposed, made: Proposal | None) -> Replayed:
    recorded = event.provenance
    if made is None or made.provenance is None or recorded is None:
        return Replayed(event.trial, "different", "no such proposal is made from these events")
    stack = [name for name in sorted(_STACK) if getattr(recorded, name) != getattr(made.provenance, name)]
    differs = _differences(event, made)
    if not differs:
        return Replayed(event.trial, "same", f"on another stack ({', '.join(stack)})" if stack else "")
    why = f"{', '.join(differs)} differ"
    if stack:
        return Replayed(event.trial, "other stack", f"{why}; so do {', '.join(stack)}")
    return Replayed(event.trial, "different", why)


def _differences(event: TrialProposed, made: Proposal) -> list[str]:
    assert event.provenance is not None
    assert made.provenance is not None
    fields = [name for name in Provenance.model_fields if name not in _ADDED | _STACK]
    differs = [name for name in fields if repr(getattr(event.provenance, name)) != repr(getattr(made.provenance, name))]
    if repr(event.point) != repr(made.point):
        differs.insert(0, "points")
    if event.generator != made.generator:
        differs.insert(0, "generators")
    return differs
