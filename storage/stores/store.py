"""The protocol of an object store: a directory or a bucket."""

from dataclasses import dataclass
from typing import Protocol


class ObjectExists(Exception):
    """The key is taken; the object under it was not changed."""


class ObjectChanged(Exception):
    """The object under the key has other bytes than expected."""


class ObjectMissing(Exception):
    """There is no object under the key."""


@dataclass(frozen=True)
class Object:
    """A key and the bytes that were stored under it."""

    key: str
    data: bytes


class ObjectStore(Protocol):
    """Objects under keys such as `campaign/events/00000/…`, shared by several processes.

    Its methods block and may be called from several threads. All other errors are raised as LedgerError.
    """

    @property
    def location(self) -> str:
        """Return the path or address at which the keys begin."""
        ...

    def prove(self, folder: str) -> None:
        """Raise LedgerError unless keys in this folder, which ends in `/`, can be created only once."""
        ...

    def create(self, key: str, data: bytes, *, after: Object | None = None) -> None:
        """Write the complete object or nothing, and return once it survives the death of the machine.

        Immediately before, the store is asked whether it still has the object `after`: nothing is written and
        ObjectMissing or ObjectChanged is raised if it does not.

        If several writers create the same key, one wins. The others get ObjectExists, and by then the object of the
        winner is durable. No two writers may write the same bytes: if an answer was lost, equal bytes count as its own.
        """
        ...

    def replace(self, key: str, data: bytes) -> None:
        """Replace the object by a complete new one, or leave it as it was; the new one may be lost with the machine.

        No part of the ledger itself is ever replaced.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the object; raises ObjectMissing."""
        ...

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        """Return the sorted keys in the folder, which ends in `/`, and below it, that sort above `start_after`.

        The cost grows with the number of keys returned. An object created during the call may be missing.
        """
        ...

    def folders(self) -> tuple[str, ...]:
        """Return the sorted names of the folders at the top, but not their contents."""
        ...
