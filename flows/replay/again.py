"""Compute recorded proposals again from the events that they saw."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from overnight.bo_core import AnyProposer, BayesianProposer
from overnight.bo_core.appraisal.appraise import Appraisal, appraise
from overnight.bo_core.appraisal.recorded import Contradicted, NotRecorded
from overnight.bo_core.choice import Asked
from overnight.bo_core.choice.confirming import to_confirm
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.experiment.breaches import breach_of, breached_points
from overnight.bo_core.model import on_this_machine
from overnight.bo_core.propose import at_most, propose
from overnight.bo_core.proposer import recorded_proposer
from overnight.bo_core.unmodelled import with_pending
from overnight.campaign import Campaign, History, Proposal, Trial
from overnight.campaign.budget import MOST
from overnight.campaign.contexts import Given
from overnight.campaign.errors import OvernightError
from overnight.campaign.experiment.phase import phase_of
from overnight.campaign.history.events import Event
from overnight.campaign.history.provenance import Provenance, StandIn
from overnight.campaign.standing.confirming import confirming
from overnight.campaign.standing.in_context import seen_from
from overnight.flows.proposing.settings import standing_in
from overnight.flows.replay.verdict import BY_MODEL, Verdict, compared


@dataclass(frozen=True)
class Replayed:
    """How a recorded proposal compares with the one computed again; `why` names the differences."""

    trial: int
    verdict: Verdict
    why: str = ""


def replay(events: Sequence[Event], folder: Path, only: int | None = None) -> Iterator[Replayed]:
    """Return a verdict on each proposal that was computed, or on that of trial `only`, in the order of trials.

    A third party's proposer is looked for in `folder`. The verdict `same` means equal to the last bit. On another stack
    (other versions, threads or instructions) bits may differ; `other stack` means that this explains the difference
    and a model's proposal is still valid, see `overnight.bo_core.appraisal.appraise`.
    """
    everything = History.from_events(events)
    for together in everything.batches().values():
        # A batch may begin with the baseline, which is not computed.
        computed = {trial.id: made for trial in together if (made := trial.proposal.provenance) is not None}
        seen = next((made.asked.events_seen for made in computed.values()), None)
        if seen and (only is None or only in computed):
            found = _verdicts(events[:seen], everything.trials, computed, folder)
            yield from (each for each in found if only in (None, each.trial))


def _verdicts(
    seen: Sequence[Event], trials: Mapping[int, Trial], computed: Mapping[int, Provenance], folder: Path
) -> Iterator[Replayed]:
    try:
        history = History.from_events(seen)
        campaign, proposer = asked_of(history, folder)
        asked = next(each.asked for each in computed.values())
        if asked.proposer is not None:
            proposer = _usable(asked.proposer, folder)
        # Points of a stand-in may complete a batch that a model began.
        stand_ins: list[StandIn] = [by for made in computed.values() if (by := made.asked.stand_in) is not None]
        proposer = standing_in(proposer, stand_ins[0] if stand_ins else None)
        if campaign.is_ab_test and not any(trials[trial].proposal.generator in BY_MODEL for trial in computed):
            proposer = _beginning(proposer)
        numbers = range(history.next_trial, max(computed) + 1)
        q = asked.points or len(numbers)
        batch = _Batch(campaign, history, proposer, {n: trials[n].proposal for n in numbers if n in trials}, q)
        made = dict(zip(numbers, propose(campaign, history, proposer, q, asked.context), strict=False))
    except (OvernightError, ValidationError) as problem:
        yield from (Replayed(trial, "different", f"it cannot be computed again: {problem}") for trial in computed)
        return
    for trial in computed:
        found = compared(trials[trial].proposal, made.get(trial), partial(batch.appraisal, trial))
        yield Replayed(trial, found.verdict, found.why)


def asked_of(history: History, folder: Path) -> tuple[Campaign, AnyProposer]:
    """Return the definition and the proposer that a history records, as they can be used here."""
    latest = history.revised or history.defined
    settings = {} if latest is None else latest.settings.get("proposer") or {}
    return history.definition, _usable(settings, folder)


def _beginning(proposer: AnyProposer) -> AnyProposer:
    """Return a proposer whose model is not asked yet.

    Older versions spread the arms of an A/B test out as long as looks had stopped every earlier one. Newer versions
    then ask the model, and a ledger does not tell which version made a batch.
    """
    return proposer.model_copy(update={"initial": MOST}) if isinstance(proposer, BayesianProposer) else proposer


def _usable(settings: Mapping[str, Any], folder: Path) -> AnyProposer:
    """Return the proposer with these recorded settings, as it can be used here."""
    proposer = recorded_proposer(settings).in_folder(folder)
    return on_this_machine(proposer) if isinstance(proposer, BayesianProposer) else proposer


@dataclass(frozen=True)
class _Batch:
    """Proposals that were `recorded` together, and the history and proposer that they were computed from.

    `q` is how many were asked for.
    """

    campaign: Campaign
    history: History
    proposer: AnyProposer
    recorded: Mapping[int, Proposal]
    q: int

    def appraisal(self, trial: int) -> Appraisal:
        """Return this machine's appraisal of a model's proposal; raises the errors of `appraise`."""
        return self._appraisals[trial]

    @cached_property
    def _appraisals(self) -> dict[int, Appraisal]:
        if not isinstance(self.proposer, BayesianProposer):
            raise Contradicted("the campaign's proposer has no model")
        view = self.history.model_view()
        # In an A/B test the model also learns from arms that looks have stopped.
        if not (view.observed or (self.campaign.is_ab_test and view.stopped)):
            raise Contradicted("there are no observations to fit a model to")
        if len(self.recorded) <= max(self.recorded) - self.history.next_trial:
            raise NotRecorded("other proposals of its batch are not recorded")
        if not self.campaign.contexts:
            return self._appraised()
        found = dict[int, Appraisal]()
        for given in dict.fromkeys(tuple(each.items()) for each in map(self._context_of, self.recorded.values())):
            found |= self._within(dict(given))._appraised()
        return found

    def _context_of(self, proposal: Proposal) -> Given:
        given = self.campaign.context_of(proposal.point)
        if given is None:
            raise Contradicted("its point is for no context of the campaign")
        return given

    def _within(self, given: Given) -> "_Batch":
        """Return the proposals for one context, and what they were computed from: all those before them."""
        here = {trial: each for trial, each in self.recorded.items() if self._context_of(each) == given}
        before = [each for trial, each in self.recorded.items() if trial < min(here)]
        history = seen_from(with_pending(self.history, before), given)
        return _Batch(self.campaign.within(given), history, self.proposer, here, len(here))

    @property
    def _at_most(self) -> int:
        """Return how many points were to be proposed."""
        phase = confirming(self.campaign, self.history)
        return at_most(self.campaign, self.history, self.proposer, self.q, phase)

    def _appraised(self) -> dict[int, Appraisal]:
        assert isinstance(self.proposer, BayesianProposer)
        of_model = {trial: proposal for trial, proposal in self.recorded.items() if proposal.generator in BY_MODEL}
        others = [proposal.point for trial, proposal in self.recorded.items() if trial not in of_model]
        if not of_model:
            return {}
        encoding = Encoding(self.campaign.space)
        # A batch may have fewer arms or points than were asked for.
        arms = phase_of(self.campaign, self.history, breach_of).arms if self.campaign.is_ab_test else self._at_most
        q = max(arms - len(others), len(of_model))
        asked = Asked(
            self.campaign, self.history, self.proposer, encoding, others, q, breached=breached_points(self.history)
        )
        confirms = any(proposal.generator == "confirming" for proposal in of_model.values())
        asked = to_confirm(asked) if confirms else asked
        return dict(zip(of_model, appraise(asked, list(of_model.values())), strict=True))
