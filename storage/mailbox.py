"""Messages between a controller and the worker of an attempt, stored next to the ledger's chain.

They are not part of the ledger: `overnight verify` ignores them, and they are not read once the attempt is closed.
"""

import asyncio

from overnight.storage.stores.store import ObjectExists, ObjectMissing, ObjectStore


class Mailbox:
    """Short texts by name, in one folder for each attempt; all methods raise LedgerError if the store refuses."""

    def __init__(self, store: ObjectStore, folder: str) -> None:
        self._store, self._folder = store, folder

    async def put(self, name: str, text: str) -> bool:
        """Store a text unless the name is taken; return whether this call stored it.

        No other writer may put the same text: if the answer to a put was lost, an equal text counts as its own.
        """
        try:
            await asyncio.to_thread(self._store.create, self._folder + name, text.encode())
        except ObjectExists:
            return False
        return True

    async def replace(self, name: str, text: str) -> None:
        """Store a text in place of the previous one."""
        await asyncio.to_thread(self._store.replace, self._folder + name, text.encode())

    async def get(self, name: str) -> str | None:
        """Return a text; None if there is no such text."""
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
