"""The pause before a retry, computed from the ledger so that a restart changes nothing."""

import hashlib
from datetime import datetime

from overnight.campaign import Campaign, Trial

# Doubling so often reaches any cap; a power beyond would be no float.
_MOST_DOUBLINGS = 60


def seconds_left(campaign: Campaign, trial: Trial, now: datetime) -> float:
    """Return for how long a trial has still to wait: 0 unless its last attempt has failed and was not cancelled.

    A clock that was set back behind the failure says nothing of the time that passed: then nothing is waited for.
    """
    failed = trial.attempts[-1].failed if trial.attempts else None
    if failed is None or failed.cause == "cancelled" or now < failed.ended:
        return 0.0
    return max(pause(campaign, trial) - (now - failed.ended).total_seconds(), 0.0)


def pause(campaign: Campaign, trial: Trial) -> float:
    """Return the seconds between a trial's last failed attempt and its next one.

    It doubles with each failure up to its longest, except with the machine's, and lies between half of that and all of
    it: what failed together does not come back together.
    """
    policy = campaign.failures
    ended = [attempt.failed for attempt in trial.attempts if attempt.failed is not None]
    failures = sum(1 for end in ended if end.cause != "cancelled" and not end.machine)
    whole = policy.back_off.total_seconds() * 2.0 ** min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(whole, policy.longest_back_off.total_seconds()) * (0.5 + 0.5 * _drawn(campaign, trial))


def _drawn(campaign: Campaign, trial: Trial) -> float:
    about = f"overnight back-off {campaign.seed} {trial.id} {len(trial.attempts)}"
    return int.from_bytes(hashlib.sha256(about.encode()).digest()[:4], "big") / 2**32
