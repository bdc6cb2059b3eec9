"""The key of an attempt, which names its folder, its mailbox and its task on a cluster.

A key ends with what is drawn at random when the attempt is begun, and is written down before anything is started under
it. So no key is ever made twice, also where a ledger is taken back to an earlier state and its trials are numbered
again: what the lost attempts left is nobody's. Keys from before that end with the attempt's number alone.
"""

import re
import secrets

_DRAWN_BYTES = 6
_LAST_PART = re.compile(r"(?P<number>[0-9]{1,9})(?P<drawn>-[0-9a-f]+)?")


def new_attempt_key(campaign: str, uid: str, trial: int, attempt: int) -> str:
    """Return a key that no other attempt has, nor will have."""
    return f"{campaign_part(campaign, uid)}/{trial}/{attempt}-{secrets.token_hex(_DRAWN_BYTES)}"


def campaign_part(campaign: str, uid: str) -> str:
    """Return what the keys of all attempts of the same campaign begin with, up to the first slash."""
    return f"{campaign}-{uid}"


def is_unique(key: str) -> bool:
    """Tell whether the key ends with something drawn at random, as all do that are made now."""
    found = _LAST_PART.fullmatch(key.rpartition("/")[2])
    return found is not None and found["drawn"] is not None


def trial_part(key: str) -> str:
    """Return what the keys of all attempts at the same trial begin with, up to the last slash."""
    return key.rpartition("/")[0]


def attempt_number(last_part: str) -> int | None:
    """Return the attempt's number that the last part of a key begins with; None if it is no such part."""
    found = _LAST_PART.fullmatch(last_part)
    return None if found is None else int(found["number"])
