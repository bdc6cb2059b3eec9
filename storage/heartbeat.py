"""The heartbeat: one small object next to the ledger."""

import asyncio

from overnight.storage.stores.store import ObjectMissing, ObjectStore


class StoredHeartbeat:
    """A Heartbeat in the object `prefix` + `heartbeat`, the only object of a ledger that is ever replaced."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._key = f"{prefix}heartbeat"

    async def beat(self, sign: str) -> None:
        """Replace the sign of life."""
        await asyncio.to_thread(self._store.replace, self._key, sign.encode())

    async def last(self) -> str:
        """Return the latest sign of life, empty before the first."""
        try:
            return (await asyncio.to_thread(self._store.get, self._key)).decode(errors="replace")
        except ObjectMissing:
            return ""
