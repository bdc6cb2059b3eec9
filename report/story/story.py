"""The one model of how a campaign stands; terminals, pages, Prefect and programs only render it."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import Field

from overnight.campaign import History
from overnight.campaign.contexts import Given, given_text
from overnight.campaign.goal import Goal, Objective
from overnight.campaign.insight import Insight
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.standing.in_context import in_context
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
from overnight.report.story.insight.insight import ShownInsight, shown_insight
from overnight.report.story.people import People, people_of
from overnight.report.story.proposals import Proposals, proposals_of
from overnight.report.story.revisions import Revisions, revisions_of
from overnight.report.story.section import Section
from overnight.report.story.spent import Spent, known_until, spent_of
from overnight.report.story.standing import Standing, standing_of
from overnight.report.story.versions import Version, versions_of


class OfContext(Section):
    """How a campaign stands in one context, by its `given` values; its story has the trials for this context only."""

    given: Given
    story: "Story"

    @property
    def called(self) -> str:
        """Return the values in words."""
        return given_text(self.given)


class Story(Section):
    """How a campaign stands at the time `now`, in sections.

    `known_until` is `now` for a campaign that runs, and else the time of its last event. `ledger` is the place of its
    `events`. `objective` is the first of several. Only a campaign with several has a `front`, one that asks for
    different `solutions` has those of its recommendation, one with `constraints` a `feasibility`, one with `stop_when`
    a `gain`, and one with `confirm` a `confirmation`. Only an A/B test is an `experiment`, and only a campaign with a
    fidelity has `fidelities`. `versions` are those of the evaluator, and `revisions` are changes of the definition. The
    `suspects` are results that look like glitches.

    An `insight` takes a model, so only a report has it.

    A campaign with `contexts` has a story for each, and no best result, front, solutions, feasibility or insight of the
    whole.
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
    # Not dumped without a model, as `contexts` without any.
    insight: Annotated[ShownInsight | None, Field(exclude_if=lambda value: value is None)] = None
    # Not dumped without contexts, so that programs read the stories of other campaigns as before.
    contexts: Annotated[tuple["OfContext", ...], Field(exclude_if=lambda value: not value)] = ()

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
    insight: Insight | None = None,
    ledger: str | None = None,
    notices: tuple[str, ...] = (),
) -> Story:
    """Return how a campaign stands; a recorded recommendation that still holds comes before a computed one.

    An `insight` must be that of the recommendation. A history does not hold whether the controller is `alive`, nor the
    place of the ledger, nor `notices` about the controller's process and the campaign's file. Raises InvalidHistory if
    no campaign was defined.
    """
    campaign, contexts = history.definition, _contexts(history, now, recommendation, insight, alive=alive)
    if contexts:
        recommendation, history = None, replace(history, recommended=None)
        suspects = tuple(suspect for each in contexts for suspect in each.story.suspects)
    else:
        suspects = suspects_of(history, recommendation)
    standing = standing_of(history, now, alive=alive, notices=notices)
    doubted = {suspect.trial for suspect in suspects}
    best = best_of(history, recommendation, doubted)
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
        front=None if contexts else front_of(history, recommendation),
        solutions=solutions_of(history, recommendation),
        experiment=experiment_of(history),
        fidelities=fidelities_of(history, best.recommended and best.recommended.point),
        feasibility=None if contexts else feasibility_of(history, recommendation),
        suspects=suspects,
        spent=spent_of(history, standing, now),
        people=people_of(history),
        failures=failures_of(history),
        gain=gain_of(history),
        confirmation=confirmation_of(history),
        proposals=proposals_of(history),
        versions=versions_of(history),
        revisions=revisions_of(history),
        insight=shown_insight(history, insight, doubted),
        contexts=contexts,
    )


def _contexts(
    history: History, now: datetime, recommendation: Recommendation | None, insight: Insight | None, *, alive: bool
) -> tuple[OfContext, ...]:
    """Return the stories of all contexts, in the order of the campaign's file."""

    def story(given: Given) -> Story:
        computed = None if recommendation is None else recommendation.in_context(given)
        learnt = None if insight is None else insight.in_context(given)
        return story_of(in_context(history, given), now, alive=alive, recommendation=computed, insight=learnt)

    return tuple(OfContext(given=given, story=story(given)) for given in history.definition.contexts)
