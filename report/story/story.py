"""The one model of how a campaign stands; terminals, pages, Prefect and programs only render it."""

from datetime import datetime

from overnight.campaign import History
from overnight.campaign.goal import Goal, Objective
from overnight.campaign.recommendation import Recommendation
from overnight.report.story.confirmation import Confirmation, confirmation_of
from overnight.report.story.experiment import Experiment, experiment_of
from overnight.report.story.failures import Failures, failures_of
from overnight.report.story.fidelities import Fidelities, fidelities_of
from overnight.report.story.goal.best import Best, best_of
from overnight.report.story.goal.feasibility import Feasibility, feasibility_of
from overnight.report.story.goal.front import Front, front_of
from overnight.report.story.goal.gain import Gain, gain_of
from overnight.report.story.goal.solutions import DifferentSolutions, solutions_of
from overnight.report.story.goal.suspects import SuspectResult, suspects_of
from overnight.report.story.people import People, people_of
from overnight.report.story.proposals import Proposals, proposals_of
from overnight.report.story.revisions import Revisions, revisions_of
from overnight.report.story.section import Section
from overnight.report.story.spent import Spent, known_until, spent_of
from overnight.report.story.standing import Standing, standing_of
from overnight.report.story.versions import Version, versions_of


class Story(Section):
    """How a campaign stands at the time `now`, in sections.

    `known_until` is `now` for a campaign that runs, and else the time of its last event. `ledger` is the place of its
    `events`. `objective` is the first of several. Only a campaign with several has a `front`, one that asks for
    different `solutions` has those of its recommendation, one with `constraints` a `feasibility`, one with `stop_when`
    a `gain`, and one with `confirm` a `confirmation`. Only an A/B test is an `experiment`, and only a campaign with a
    fidelity has `fidelities`. `versions` are those of the evaluator, and `revisions` are changes of the definition. The
    `suspects` are results that look like glitches.
    """

    campaign: str
    uid: str | None
    objective: Objective
    ledger: str | None
    now: datetime
    known_until: datetime
    events: int
    standing: Standing
    best: Best
    front: Front | None
    solutions: DifferentSolutions | None
    experiment: Experiment | None
    fidelities: Fidelities | None
    feasibility: Feasibility | None
    suspects: tuple[SuspectResult, ...]
    spent: Spent
    people: People
    failures: Failures
    gain: Gain | None
    confirmation: Confirmation | None
    proposals: Proposals
    versions: tuple[Version, ...]
    revisions: Revisions

    @property
    def gaining(self) -> str:
        """Return the words for all that a trial may gain."""
        return Goal((self.objective,) if self.front is None else self.front.objectives).gaining


def story_of(
    history: History,
    now: datetime,
    *,
    alive: bool = True,
    recommendation: Recommendation | None = None,
    ledger: str | None = None,
    notices: tuple[str, ...] = (),
) -> Story:
    """Return how a campaign stands; a recorded recommendation that still holds comes before a computed one.

    A history does not hold whether the controller is `alive`, nor the place of the ledger, nor `notices` about the
    controller's process and the campaign's file. Raises InvalidHistory if no campaign was defined.
    """
    campaign, suspects = history.definition, suspects_of(history, recommendation)
    standing = standing_of(history, alive=alive, notices=notices)
    best = best_of(history, recommendation, {suspect.trial for suspect in suspects})
    return Story(
        campaign=campaign.name,
        uid=None if history.defined is None else history.defined.uid,
        objective=campaign.objective,
        ledger=ledger,
        now=now,
        known_until=known_until(history, standing, now),
        events=history.events,
        standing=standing,
        best=best,
        front=front_of(history, recommendation),
        solutions=solutions_of(history, recommendation),
        experiment=experiment_of(history),
        fidelities=fidelities_of(history, best.recommended and best.recommended.point),
        feasibility=feasibility_of(history, recommendation),
        suspects=suspects,
        spent=spent_of(history, standing, now),
        people=people_of(history),
        failures=failures_of(history),
        gain=gain_of(history),
        confirmation=confirmation_of(history),
        proposals=proposals_of(history),
        versions=versions_of(history),
        revisions=revisions_of(history),
    )
