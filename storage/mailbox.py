"""Messages between a controller and the worker of an attempt, stored next to the ledger's chain.

Nothing of it is the ledger's: `overnight verify` does not look at it, and once an attempt is closed nobody reads it.
"""

import asyncio

from overnight.storage.stores.store import ObjectExists, ObjectMissing, ObjectStore


class Mailbox:
    """Small texts under names, one folder for an attempt; all methods raise LedgerError where the store refuses."""

    def __init__(self, store: ObjectStore, folder: str) -> None:
        self._store, self._folder = store, folder

    async def put(self, name: str, text: str) -> bool:
        """Leave a text unless one of that name is there; tell whether this call did.

        The text must be one that nobody else would write, since a store whose answer was lost takes it for its own.
        """
        try:
            await asyncio.to_thread(self._store.create, self._folder + name, text.encode())
        except ObjectExists:
            return False
        return True

    async def replace(self, name: str, text: str) -> None:
        """Leave a text in the place of the one before."""
        await asyncio.to_thread(self._store.replace, self._folder + name, text.encode())

    async def get(self, name: str) -> str | None:
        """Return a text; None if there is none."""
        try:
            return (await asyncio.to_thread(self._store.get, self._folder + name)).decode(errors="replace")
        except ObjectMissing:
            return None

    async def names(self) -> tuple[str, ...]:
        """Return the names of all texts, sorted."""
        keys = await asyncio.to_thread(self._store.keys, self._folder)
        return tuple(key.removeprefix(self._folder) for key in keys)


class Mailboxes:
    """The mailboxes of a campaign's attempts, under `prefix` + `attempts/`."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    def of(self, key: str) -> Mailbox:
        """Return the mailbox of the attempt with this key."""
        return Mailbox(self._store, f"{self._prefix}attempts/{key}/")
