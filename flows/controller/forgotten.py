"""End evaluations that the ledger no longer knows."""

from collections.abc import Callable

from overnight.campaign import History
from overnight.evaluators.processes.orphans import end_orphans
from overnight.flows.controller.job import Job
from overnight.flows.host.attempt_key import campaign_part


async def end_forgotten(job: Job, history: History, notify: Callable[[str], None]) -> None:
    """End this campaign's evaluations on this machine that are not in the ledger, before new ones start.

    No controller would wait for them, and their trial numbers are used again: two evaluations of one trial would run at
    once.
    """
    if not job.here or history.defined is None:
        return
    known = [job.work / attempt.key for trial in history.trials.values() for attempt in trial.attempts]
    place = job.work / campaign_part(history.definition.name, history.defined.uid)
    if (count := await end_orphans(place, known)) > 0:
        what = "1 evaluation" if count == 1 else f"{count} evaluations"
        notify(
            f"Ended {what} of this campaign below {place} that the ledger does not know, for example because it was "
            "restored from an older copy. No controller waited for a result; the files are still there."
        )
