"""The log of Optuna's `JournalStorage` as a chain of files in a directory or a bucket."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from overnight.campaign.errors import LedgerDamaged
from overnight.storage import Operation, OperationLog, ledger_location, open_operations


class OperationBackend(BaseJournalBackend):
    """All studies at one address: each operation is appended, and the order of the appends decides what it does."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._log = open_operations(url, name, Path())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        # Another process opens the place itself: connections cannot be sent.
        return OperationBackend, (self._url, self._name)

    @property
    def log(self) -> OperationLog:
        """Return the chain of operations."""
        return self._log

    def read_logs(self, log_number_from: int) -> list[Operation]:
        """Return the operations from this number on; raises LedgerDamaged if one of them is no JSON."""
        lines = self._log.read()[log_number_from:]
        return [self._operation(number, line) for number, line in enumerate(lines, log_number_from + 1)]

    def append_logs(self, logs: list[Operation]) -> None:
        """Append operations; they are durable once this returns."""
        self._log.append(logs)

    def _operation(self, number: int, line: str) -> Operation:
        try:
            return json.loads(line)
        except ValueError as problem:
            where = ledger_location(self._url, self._name, Path())
            raise LedgerDamaged(
                f"{where}, operation {number}: expected a line of JSON, found another one ({problem}). "
                f"`overnight verify {where}` names its file."
            ) from None
