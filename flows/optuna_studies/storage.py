"""The Optuna storage on a chain of files: Optuna's own `JournalStorage`, with signs of life of its workers."""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from overnight.campaign.errors import LedgerError
from overnight.flows.api.sync import run_sync
from overnight.flows.optuna_studies.backend import OperationBackend
from overnight.storage import Mailbox, open_store

StaleCallback = Callable[[Study, FrozenTrial], None]
# A sign of life, and when this process first saw it.
_Seen = tuple[str, float]


class ChainStorage(JournalStorage, BaseHeartbeat):
    """A JournalStorage whose operations are in a chain of files, which `overnight verify` checks.

    A trial is stale if its sign of life has not changed while this process watched it for `grace_period` seconds, so
    the clocks of different machines do not matter. Trials without any sign of life never become stale.
    """

    def __init__(
        self,
        url: str,
        name: str,
        heartbeat_interval: int | None = None,
        grace_period: int | None = None,
        stale_callback: StaleCallback | None = None,
    ) -> None:
        self._url, self._name = url, name
        self._interval = heartbeat_interval
        self._grace = grace_period if grace_period is not None else 2 * (heartbeat_interval or 0)
        self._callback = stale_callback
        self._watch_signs()
        super().__init__(OperationBackend(url, name))

    def __getstate__(self) -> dict[str, Any]:
        # Another process opens the place itself, and has seen no signs yet.
        return {name: value for name, value in super().__getstate__().items() if name not in ("_signs", "_seen")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._watch_signs()

    def record_heartbeat(self, trial_id: int) -> None:
        """Replace the sign of life of a trial; if the store refuses, the next sign replaces it."""
        # Optuna's thread would end with the error, and others would take a trial that is well.
        with suppress(LedgerError):
            run_sync(self._signs.replace(str(trial_id), secrets.token_hex(8)))

    def get_heartbeat_interval(self) -> int | None:
        """Return the seconds between two signs of life; None if workers give none."""
        return self._interval

    def get_heartbeat_stale_trial_callback(self) -> StaleCallback | None:
        """Return the function that is called with each trial that became stale."""
        return self._callback

    def _get_stale_trial_ids(self, study_id: int) -> list[int]:
        now = time.monotonic()
        running = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,))
        before = self._seen.get(study_id, {})
        looked = {trial._trial_id: self._look(trial._trial_id, before.get(trial._trial_id), now) for trial in running}
        seen = self._seen[study_id] = {trial_id: sign for trial_id, sign in looked.items() if sign is not None}
        return [trial_id for trial_id, (_, since) in seen.items() if now - since > self._grace]

    def _look(self, trial_id: int, before: _Seen | None, now: float) -> _Seen | None:
        """Return the sign of life of a trial and when it was first seen; None if there is no sign."""
        sign = run_sync(self._signs.get(str(trial_id)))
        if sign is None:
            return None
        return before if before is not None and before[0] == sign else (sign, now)

    def _watch_signs(self) -> None:
        self._signs = Mailbox(open_store(self._url, Path()), f"{self._name}/signs_of_life/")
        self._seen: dict[int, dict[int, _Seen]] = {}
