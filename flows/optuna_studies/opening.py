"""Open a place for Optuna: campaigns as studies to look at, or a storage for studies of Optuna's own."""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.campaign.errors import CannotStart, InvalidDefinition, LedgerError
from overnight.campaign.values.numbers import is_number
from overnight.flows.api.place import place_of
from overnight.storage import kept_campaigns, open_operations, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


def optuna_view(ledger: str | Path) -> "BaseStorage":
    """Return an Optuna storage that shows the campaigns of a ledger as studies, and refuses every write.

    `ledger` is a campaign's file, its folder in a ledger, a directory of ledgers, or a URL such as `s3://bucket/prefix`.
    Raises LedgerError if there is no campaign.
    """
    require("optuna")
    from overnight.flows.optuna_studies.view import LedgerView

    place = place_of(str(ledger))
    if place.only is None and not kept_campaigns(place.address, Path()):
        raise LedgerError(f"{ledger}: expected the ledger of a campaign, found none.")
    return LedgerView(place)


def optuna_storage(
    place: str | Path,
    *,
    heartbeat_interval: int | None = None,
    grace_period: int | None = None,
    heartbeat_stale_trial_callback: "Callable[[Study, FrozenTrial], None] | None" = None,
) -> "BaseStorage":
    """Return an Optuna storage that keeps studies as a chain of files in a directory or a bucket.

    `place` is a folder for this storage alone, such as `studies/tuning` or `s3://bucket/studies/tuning`; the first
    write creates it. With a `heartbeat_interval` in seconds, workers show that they live, and a trial whose worker has
    given no sign for `grace_period` seconds (by default twice the interval) fails when another trial starts; the
    callback, such as Optuna's `RetryHeartbeatStaleTrialCallback`, is then called with it. Raises LedgerError if the
    place holds campaigns, and InvalidDefinition if with these seconds a worker that is well could lose its trial.
    """
    require("optuna")
    _check_seconds(heartbeat_interval, grace_period)
    from overnight.flows.optuna_studies.storage import ChainStorage

    url, name = folder_of(str(place))
    if "://" not in str(place) and Path(place).is_file():
        raise LedgerError(f"{place}: expected a directory or a bucket for studies, found a file.")
    if open_operations(url, name, Path()).last() == 0:
        _refuse_campaigns(str(place))
    return ChainStorage(url, name, heartbeat_interval, grace_period, heartbeat_stale_trial_callback)


def _check_seconds(heartbeat_interval: int | None, grace_period: int | None) -> None:
    for name, seconds in (("heartbeat_interval", heartbeat_interval), ("grace_period", grace_period)):
        if seconds is not None and not (is_number(seconds) and 0 < seconds < math.inf):
            raise InvalidDefinition([f"`{name}`: expected a number of seconds above 0, got {seconds!r}"])
    if heartbeat_interval is not None and grace_period is not None and grace_period <= heartbeat_interval:
        raise InvalidDefinition(
            [
                f"`grace_period`: expected more seconds than the `heartbeat_interval` of {heartbeat_interval}, got "
                f"{grace_period}: a worker that is well would lose its trial between two signs of life"
            ]
        )


def storage_at(place: str) -> "BaseStorage":
    """Return the campaigns at a place as studies, or else the studies of Optuna's own there.

    Raises LedgerError if there is neither.
    """
    require("optuna")
    if "://" in place or not Path(place).is_file():
        url, name = folder_of(place)
        if open_operations(url, name, Path()).last():
            return optuna_storage(place)
    return optuna_view(place)


def folder_of(place: str) -> tuple[str, str]:
    """Return the directory or bucket above a folder, and the folder's name; raises LedgerError if it has none."""
    # Spelled in one way, so that `verify` finds it under the same name; an address that leads nowhere is refused here.
    place = open_store(place, Path()).location
    url, _, name = place.rpartition("/")
    if url.endswith(":/") or not name:
        raise LedgerError(
            f"{place}: expected a folder of a directory or a bucket, such as `{place.rstrip('/')}/study`."
        )
    return url or "/", name


def require(module: str) -> None:
    """Raise CannotStart if a library of the extra `optuna` is not installed."""
    if find_spec(module) is None:
        raise CannotStart(
            f"{module.replace('_', '-')}: expected it to be installed, found that it is not. Install the extra: "
            'pip install "overnight[optuna]"'
        )


def _refuse_campaigns(place: str) -> None:
    if place_of(place).only is not None or kept_campaigns(place, Path()):
        raise LedgerError(
            f"{place}: expected a folder for studies of Optuna's own, found the ledger of a campaign. To look at it, "
            "use `overnight.optuna_view`; for studies, name another folder."
        )
