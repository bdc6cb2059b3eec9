"""The recommendation that a controller records when it ends."""

import asyncio
from collections.abc import Callable

from overnight.campaign.history.events import RecommendationMade
from overnight.flows.controller.in_flight import end_tasks
from overnight.flows.controller.job import Job
from overnight.flows.host.clock import Clock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.rules.recommending import recommendation_event
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER


async def last_recommendation(
    job: Job, journal: Journal, clock: Clock, stop: StopRequest, notify: Callable[[str], None]
) -> RecommendationMade | None:
    """Return the recommendation of a campaign whose controller ends; None if there is no new one.

    A request to stop at once ends the computation, and a failure is only reported: readers compute what they do not
    find. If another process has recorded other settings since, a replay would not find what this one would compute.
    """
    history, seen = journal.history, journal.events_seen
    latest = history.revised or history.defined
    if latest is not None and latest.settings != job.settings:
        return None
    if job.recommend is None or not history.trials.observed or history.recommendation is not None:
        return None
    computing = asyncio.ensure_future(job.recommend(seen))
    hurrying = asyncio.create_task(stop.wait(above=Stop.DRAIN))
    try:
        await asyncio.wait({computing, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        found = computing.result() if computing.done() else None
    except Exception as problem:
        notify(f"No recommendation was recorded ({problem}). `overnight report` computes one.")
        return None
    finally:
        await end_tasks([computing, hurrying])
    return None if found is None else recommendation_event(found, seen, clock.now(), CONTROLLER)
