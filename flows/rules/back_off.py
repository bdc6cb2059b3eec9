"""The pause before a retry, computed from the ledger so that a restart does not change it."""

import hashlib
from datetime import datetime

from overnight.campaign import Campaign, Trial

# So many doublings reach any longest pause; a much higher power would overflow.
_MOST_DOUBLINGS = 60


def seconds_left(campaign: Campaign, trial: Trial, now: datetime) -> float:
    """Return the seconds that a trial still has to wait: 0 unless its last attempt failed and was not cancelled.

    If the clock was set back to before the failure, the time that has passed is unknown and the trial does not wait.
    """
    failed = trial.attempts[-1].failed if trial.attempts else None
    if failed is None or failed.cause == "cancelled" or now < failed.ended:
        return 0.0
    return max(pause(campaign, trial) - (now - failed.ended).total_seconds(), 0.0)


def pause(campaign: Campaign, trial: Trial) -> float:
    """Return the seconds between a trial's last failed attempt and its next one.

    The pause doubles with each failure that is not the machine's, up to `longest_back_off`. A factor between one half
    and one, drawn from the seed and the trial, keeps trials that failed together from retrying together.
    """
    policy = campaign.failures
    ended = [attempt.failed for attempt in trial.attempts if attempt.failed is not None]
    failures = sum(1 for end in ended if end.cause != "cancelled" and not end.machine)
    whole = policy.back_off.total_seconds() * 2.0 ** min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(whole, policy.longest_back_off.total_seconds()) * (0.5 + 0.5 * _drawn(campaign, trial))


def _drawn(campaign: Campaign, trial: Trial) -> float:
    about = f"overnight back-off {campaign.seed} {trial.id} {len(trial.attempts)}"
    return int.from_bytes(hashlib.sha256(about.encode()).digest()[:4], "big") / 2**32
