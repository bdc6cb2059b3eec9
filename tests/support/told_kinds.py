"""A campaign of every kind, with a recommendation and an insight if it has them."""

from collections.abc import Callable
from typing import Any

from front_stories import front_believed, several
from insights import importance_of, insight_at, left_out_of, slice_of
from limited_stories import believed, limited
from recommendations import recommendation
from standing import story_about
from thorough_campaigns import Thorough
from told_arms import ToldArms
from told_arms import measured as measured_arm
from told_stories import HOSTILE, POINT, Story, campaign_of

from overnight.campaign import History
from overnight.campaign.recommendation import OfContext
from overnight.report.story import Story as Told

SLICES = [slice_of("rate", [1e-4, 1e-2, 1.0], [3.0, 1.0, 2.0]), slice_of("mode", ["slow", "fast"], [2.0, 1.0])]
# Pipes, line feeds and the marks of Markdown and HTML, in names and texts of others.
MARKUP = f"a|b\n# c `d` *e* [f](javascript:x) ![g](h) <b>{HOSTILE} @ada $i$ \\| ~~j~~ \x1b[31m"
Kind = tuple[History, Told]


def empty() -> Kind:
    return _kind(Story())


def one_trial() -> Kind:
    return _kind(Story().tried(1, 0, mean=1.25, sem=0.5))


def only_failures() -> Kind:
    story = Story().proposed(1, 0).started(1, 0).failed(1, 1, retry=True, message="lost").started(1, 1, attempt=2)
    return _kind(story.failed(1, 2, message="broke").proposed(2, 3).started(2, 3).failed(2, 4, message=MARKUP))


def learnt() -> Kind:
    """Return a finished campaign with a failure, a question, and the insight of a model."""
    story = Story().tried(1, 0, 1.5, 0.1, generator="baseline").tried(2, 1, 1.1, 0.1).proposed(3, 2).started(3, 2)
    story.failed(3, 3, message="out of memory").parked(4, 4, "far").finished(5)
    found = recommendation(trial=2, point=POINT, mean=1.125, sd=0.0625, probability_best=0.75)
    importance = (importance_of("rate", 0.7, main=0.6), importance_of("mode", 0.2, main=0.1))
    more = {"importance": importance, "left_out": left_out_of([0.1] * 12)}
    return _kind(story, recommendation=found, insight=insight_at(story.campaign, POINT, SLICES, **more))


def hostile() -> Kind:
    parameters = {MARKUP: {"kind": "categorical", "choices": [MARKUP, "- x", "1. y"], "unit": "|"}}
    story = Story(campaign_of(parameters=parameters, minimize=MARKUP, baseline=None, description=MARKUP))
    story.tried(1, 0, mean=1.5, point={MARKUP: MARKUP}).proposed(2, 2, point={MARKUP: "- x"}).started(2, 2)
    story.failed(2, 3, message=MARKUP).parked(3, 4, MARKUP).paused(5)
    story.events[-2] = story.events[-2].model_copy(update={"point": {MARKUP: "1. y"}})
    found = recommendation(
        trial=1, point={MARKUP: MARKUP}, mean=1.5, sd=0.1, metric=MARKUP, probability_best=0.5, without_model=MARKUP
    )
    return _kind(story, recommendation=found, notices=(MARKUP,), ledger=MARKUP)


def front() -> Kind:
    story = several()
    return _kind(story, recommendation=front_believed(story, 3))


def constraints() -> Kind:
    story = limited([{"loss": 3.0, "p99_ms": 9.0, "errors": 1.0}, {"loss": 1.0, "p99_ms": 20.0, "errors": 1.5}, {}])
    chances = {"p99_ms <= 15": 0.25, "errors <= 2 * baseline": 0.9}
    return _kind(story, recommendation=believed(story, 2, chances, p99_ms=18.0, errors=1.5))


def contexts() -> Kind:
    story = Story(campaign_of(context={"site": ["north", "south"]}, baseline=None))
    points = {site: {"site": site, **POINT} for site in ("north", "south")}
    story.tried(1, 0, 2.0, point=points["north"]).tried(2, 2, 200.0, point=points["south"])
    of = [
        recommendation(trial=trial, point=points[site], mean=mean, sd=0.1, probability_best=0.5)
        for trial, site, mean in ((1, "north", 2.0), (2, "south", 200.0))
    ]
    each = tuple(OfContext(given={"site": str(one.point["site"])}, recommendation=one) for one in of)
    return _kind(story, recommendation=of[0].model_copy(update={"contexts": each}))


def fidelity() -> Kind:
    found = Thorough()
    found.run(0.1, 1, loss=0.5, generator="sobol")
    found.run(0.2, 9, loss=2.0)
    return found.history, story_about(found.history)


def conditional() -> Kind:
    parameters: dict[str, Any] = {
        "mode": {"kind": "categorical", "choices": ["off", "on"]},
        "size": {"kind": "int", "low": 1, "high": 9, "when": {"mode": "on"}},
    }
    story = Story(campaign_of(parameters=parameters, baseline=None))
    return _kind(story.tried(1, 0, 2.0, point={"mode": "off"}).tried(2, 2, 1.0, point={"mode": "on", "size": 4}))


def ab_test() -> Kind:
    story = ToldArms(maximize="clicks")
    arms = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    means = zip(arms, (20.0, 21.5, 19.0), strict=True)
    story.observe({trial: {"clicks": measured_arm(mean, 0.1, 200)} for trial, mean in means})
    return story.history, story_about(story.history)


def _kind(story: Story, **more: Any) -> Kind:
    return story.history, story_about(story.history, **more)


KINDS: dict[str, Callable[[], Kind]] = {
    each.__name__: each
    for each in (
        empty,
        one_trial,
        only_failures,
        learnt,
        hostile,
        front,
        constraints,
        contexts,
        fidelity,
        conditional,
        ab_test,
    )
}
