"""The protocol of an object store: a directory or a bucket."""

from typing import Protocol


class ObjectExists(Exception):
    """The key is taken; what lies there was not touched."""


class ObjectMissing(Exception):
    """Nothing lies under the key."""


class ObjectStore(Protocol):
    """Objects under keys such as `campaign/events/00000/…`, shared by several processes.

    Its methods block and may be called from several threads; whatever else goes wrong is a LedgerError.
    """

    @property
    def location(self) -> str:
        """Return where the keys begin, as people would look for it."""
        ...

    def prove(self, folder: str) -> None:
        """Raise LedgerError unless keys in this folder, which ends in `/`, can be created once and not again."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Write the object whole, or not at all, and return when it survives the death of the machine.

        Of several that create the same key one wins; the others get ObjectExists, and what won is durable too.
        The bytes must be those of one writer only: a store whose answer was lost takes them for its own.
        """
        ...

    def replace(self, key: str, data: bytes) -> None:
        """Write the object over what lies there, whole or not at all; it may be lost with the machine.

        The ledger replaces nothing that it is made of.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return the object; raises ObjectMissing."""
        ...

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        """Return the sorted keys in the folder, which ends in `/`, and below it, that sort above `start_after`.

        Costs by what it returns. An object that is created meanwhile may be missing from it.
        """
        ...

    def folders(self) -> tuple[str, ...]:
        """Return the sorted names of the folders at the top, without what lies in them."""
        ...
