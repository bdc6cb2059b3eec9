"""The overview of campaigns, and of one campaign: its state, its result, what waits for people, and its charts."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from overnight.campaign.insight import Insight
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.values.harmless import first_line
from overnight.flows.dashboard.followed import STAYS, Followed, Seen, seen_of
from overnight.flows.dashboard.learning.learnt import model_to_ask
from overnight.flows.dashboard.templates import part, rendered
from overnight.flows.host.log import LOG
from overnight.flows.rules.recommending import insight_into
from overnight.flows.session.lease import controller_lives, controller_notices
from overnight.report.finding import confidence_sentences, constraint_sentences, finding_sentences, standing_sentence
from overnight.report.html import render_sections
from overnight.report.numbers import duration, measured, moment, with_uncertainty
from overnight.report.phrases.general import counted, sentence
from overnight.report.status import best_so_far
from overnight.report.story import Story, story_of
from overnight.report.trial_facts import point_text
from overnight.storage import KeptCampaign


def story_seen(followed: Followed, seen: Seen, now: datetime) -> Story:
    """Return the story of a campaign as far as it has been read; the parts of a page share it."""
    key = (seen.version, int(now.timestamp() / STAYS))
    with followed.telling:
        if followed.told is None or followed.told[0] != key:
            followed.told = key, _story(followed, seen, now)
        return followed.told[1]


def _story(
    followed: Followed,
    seen: Seen,
    now: datetime,
    insight: Insight | None = None,
    recommendation: Recommendation | None = None,
) -> Story:
    return story_of(
        seen.history,
        now,
        alive=seen.alive,
        recommendation=recommendation,
        insight=insight,
        ledger=followed.place.location(followed.name),
        notices=controller_notices(seen.history),
    )


@dataclass(frozen=True)
class Card:
    """A campaign in the list; `story` is None until its ledger has been read."""

    kept: KeptCampaign
    story: Story | None
    problem: str = ""

    @property
    def last(self) -> str:
        """Return the time of the last event."""
        return "" if self.kept.last is None else f"{moment(self.kept.last, UTC)}"

    @property
    def result(self) -> str:
        """Return the best result so far, the size of a front, or the verdict of an A/B test; empty without one."""
        story = self.story
        if story is None:
            return ""
        if story.experiment is not None:
            return story.experiment.verdict
        if story.front is not None and story.front.points:
            return f"{counted(len(story.front.points), 'configuration')} on the front."
        best = story.best.measured
        found = best and f"{story.objective.metric} {measured(best.measurement)} (trial {best.trial})"
        return f"Best so far: {found}." if found else ""


def card_of(kept: KeptCampaign, followed: Followed | None, now: datetime) -> Card:
    """Return the card of a campaign."""
    seen = seen_of(followed)
    if followed is None or seen.history.defined is None:
        return Card(kept, None, kept.damage or seen.problem)
    # Its page may not be open, so this was not asked for a while.
    seen = replace(seen, alive=controller_lives(seen.history))
    try:
        return Card(kept, story_seen(followed, seen, now), kept.damage or seen.problem)
    except Exception as problem:
        # A campaign that meets a defect of ours must not hide the others.
        LOG.warning("dashboard: campaign %s cannot be shown", kept.name, exc_info=True)
        return Card(kept, None, f"It cannot be shown: {type(problem).__name__}: {first_line(str(problem))}")


def list_part(cards: list[Card], place: str, problem: str, version: str) -> str:
    """Return the list of campaigns as a part of the page."""
    return part(rendered("list.html.jinja", cards=cards, place=place, problem=problem), version)


def summary_part(followed: Followed, seen: Seen, now: datetime) -> str:
    """Return how a campaign stands, and what waits for people, as a part of the page."""
    if seen.history.defined is None:
        return part(
            rendered("alone.html.jinja", name=followed.name, problem=seen.problem or "reading the ledger …"),
            seen.version,
        )
    story, campaign = story_seen(followed, seen, now), seen.history.definition
    html = rendered(
        "summary.html.jinja",
        campaign=campaign,
        story=story,
        problem=seen.problem,
        findings=_headlines(story),
        confidence=[*confidence_sentences(story), *constraint_sentences(story)],
        standing=standing_sentence(story),
        running=[
            (each.trial, duration(max((now - each.since).total_seconds(), 0.0)), point_text(each, each.point))
            for each in story.spent.running
        ],
        paused=seen.history.paused is not None,
        waiting=_waiting(seen),
    )
    return part(html, seen.version, title=f"{campaign.name}: {story.standing.called}")


def _headlines(story: Story) -> list[str]:
    """Return the findings, or the best result so far if nothing is recommended yet."""
    so_far = best_so_far(story)
    if not so_far or story.best.recommended is not None or story.contexts or story.experiment is not None:
        return finding_sentences(story)
    return [sentence(so_far)]


def pictures_part(followed: Followed, seen: Seen, now: datetime) -> str:
    """Return the sections and the charts of the report as a part of the page."""
    if seen.history.defined is None:
        return part("", seen.version)
    insight, learnt = _insight(followed, seen), followed.learning.of(seen.history)
    if learnt is not None:
        story = _story(followed, seen, now, learnt.insight, learnt.recommendation)
    else:
        story = story_seen(followed, seen, now) if insight is None else _story(followed, seen, now, insight)
    found = render_sections(seen.history, story)
    note = "" if learnt is None else rendered("learnt.html.jinja", learnt=learnt)
    return part(note + found.html, seen.version, found.figures)


def _insight(followed: Followed, seen: Seen) -> Insight | None:
    """Return what the model has learnt, once a recommendation is recorded; a model is fitted once for each segment.

    A model of the campaign's own is left out: looking at a page must not run a campaign's code.
    """
    recorded = seen.history.recommendation
    if recorded is None:
        return None
    if followed.learnt is None or followed.learnt[0] != seen.head:
        model = model_to_ask(seen.history)
        found = None if model is None else insight_into(seen.history, recorded.recommendation, model)
        followed.learnt = seen.head, found
    return followed.learnt[1]


def _waiting(seen: Seen) -> list[dict[str, str]]:
    """Return a line for each trial that awaits approval."""
    history = seen.history
    names, metrics = history.definition.shown_parameters, [each.metric for each in history.goal.objectives]
    lines = []
    for trial in (each for each in history.trials.open if each.parked):
        predicted = ((metric, trial.proposal.prediction(metric)) for metric in metrics)
        texts = [f"{metric} {with_uncertainty(each.mean, each.sd)}" for metric, each in predicted if each is not None]
        lines.append(
            {
                "trial": str(trial.id),
                "point": point_text(trial, names),
                "expected": " and ".join(texts),
                "why": trial.parked_because or "",
            }
        )
    return lines
