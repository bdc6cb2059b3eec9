"""Recorded proposals made again from the events that they saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path

from pydantic import ValidationError

from overnight.bo_core import AnyProposer, BayesianProposer
from overnight.bo_core.appraise import Appraisal, Contradicted, NotRecorded, appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import on_this_machine
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import recorded_proposer
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.events import Event, TrialProposed
from overnight.flows.proposing.settings import standing_in
from overnight.flows.replay.verdict import Verdict, compared


@dataclass(frozen=True)
class Replayed:
    """How a recorded proposal compares with the one made again; `why` names what differs."""

    trial: int
    verdict: Verdict
    why: str = ""


def replay(events: Sequence[Event], folder: Path, only: int | None = None) -> Iterator[Replayed]:
    """Return a verdict on each proposal that was computed, or `only` on one trial's, in the order of their trials.

    A third party's proposer is looked for in `folder`. `same` is to the last bit. On another stack, other versions,
    threads or instructions, bits may differ; `other stack` says that a model's proposal stands nevertheless, see
    `overnight.bo_core.appraise`.
    """
    first = {e.trial: e for e in reversed(events) if isinstance(e, TrialProposed)}
    computed = [e for e in first.values() if e.provenance and e.provenance.events_seen]
    # Those of one batch saw the same and have one seed.
    for (seen, _), together in groupby(sorted(computed, key=lambda event: event.trial), key=_ask):
        trials = [event.trial for event in together]
        if only is None or only in trials:
            found = _verdicts(events[:seen], first, trials, folder)
            yield from (each for each in found if only in (None, each.trial))


def _ask(event: TrialProposed) -> tuple[int, int]:
    assert event.provenance is not None
    return event.provenance.events_seen or 0, event.provenance.seed


def _verdicts(
    seen: Sequence[Event], first: Mapping[int, TrialProposed], trials: Sequence[int], folder: Path
) -> Iterator[Replayed]:
    try:
        history = History.from_events(seen)
        campaign, proposer = _asked(history, folder)
        # In a batch that a model began, points of another kind may stand in for its own.
        last, made_by = trials[-1], [_recorded(first[trial]).provenance for trial in trials]
        proposer = standing_in(proposer, next((made.stand_in for made in made_by if made and made.stand_in), None))
        recorded = {t: _recorded(first[t]) for t in range(history.next_trial, last + 1) if t in first}
        batch = _Batch(campaign, history, proposer, recorded)
        made = dict(enumerate(propose(campaign, history, proposer, last - history.next_trial + 1), history.next_trial))
    except (OvernightError, ValidationError) as problem:
        yield from (Replayed(trial, "different", f"it cannot be made: {problem}") for trial in trials)
        return
    for trial in trials:
        found = compared(_recorded(first[trial]), made.get(trial), partial(batch.appraisal, trial))
        yield Replayed(trial, found.verdict, found.why)


def _recorded(event: TrialProposed) -> Proposal:
    return Proposal(point=event.point, generator=event.generator, provenance=event.provenance)


def _asked(history: History, folder: Path) -> tuple[Campaign, AnyProposer]:
    latest = history.revised or history.defined
    settings = {} if latest is None else latest.settings.get("proposer") or {}
    proposer = recorded_proposer(settings).in_folder(folder)
    return history.definition, on_this_machine(proposer) if isinstance(proposer, BayesianProposer) else proposer


@dataclass(frozen=True)
class _Batch:
    """Proposals that were `recorded` together, and what they saw."""

    campaign: Campaign
    history: History
    proposer: AnyProposer
    recorded: Mapping[int, Proposal]

    def appraisal(self, trial: int) -> Appraisal:
        """Return what is thought here of one that a model made; raises what `appraise` raises."""
        return self._appraisals[trial]

    @cached_property
    def _appraisals(self) -> dict[int, Appraisal]:
        if not isinstance(self.proposer, BayesianProposer):
            raise Contradicted("the campaign's proposer has no model")
        if not self.history.model_view().observed:
            raise Contradicted("nothing was observed that a model could be fitted to")
        of_model = {trial: proposal for trial, proposal in self.recorded.items() if proposal.generator == "model"}
        others = [proposal.point for trial, proposal in self.recorded.items() if trial not in of_model]
        if len(self.recorded) <= max(self.recorded) - self.history.next_trial:
            raise NotRecorded("other proposals of its batch are not recorded")
        encoding = Encoding(self.campaign.parameters)
        asked = Asked(self.campaign, self.history, self.proposer, encoding, others, len(of_model))
        return dict(zip(of_model, appraise(asked, list(of_model.values())), strict=True))
