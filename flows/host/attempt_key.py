"""The key of an attempt, which names its folder, its mailbox and its task on a cluster.

A key ends with a random part, drawn when the attempt begins, and is recorded before anything is started under it. So no
key is ever used twice, even if a ledger is restored to an earlier state and its trials are numbered again: files of the
lost attempts belong to no attempt. Keys of older versions end with the attempt's number.
"""

import re
import secrets

_DRAWN_BYTES = 6
_LAST_PART = re.compile(r"(?P<number>[0-9]{1,9})(?P<drawn>-[0-9a-f]+)?")


def new_attempt_key(campaign: str, uid: str, trial: int, attempt: int) -> str:
    """Return a key that no other attempt has or will have."""
    return f"{campaign_part(campaign, uid)}/{trial}/{attempt}-{secrets.token_hex(_DRAWN_BYTES)}"


def look_name(look: int) -> str:
    """Return the last part of the key of one look at a running evaluation; no other call has or will have it."""
    return f"look-{look}-{secrets.token_hex(_DRAWN_BYTES)}"


def campaign_part(campaign: str, uid: str) -> str:
    """Return the common start of the keys of a campaign's attempts, up to the first slash."""
    return f"{campaign}-{uid}"


def is_unique(key: str) -> bool:
    """Return whether the key ends with a random part, as all new keys do."""
    found = _LAST_PART.fullmatch(key.rpartition("/")[2])
    return found is not None and found["drawn"] is not None


def trial_part(key: str) -> str:
    """Return the common start of the keys of a trial's attempts, up to the last slash."""
    return key.rpartition("/")[0]


def attempt_number(last_part: str) -> int | None:
    """Return the attempt's number at the start of a key's last part; None if the part has another form."""
    found = _LAST_PART.fullmatch(last_part)
    return None if found is None else int(found["number"])
