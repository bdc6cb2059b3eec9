"""A sign of life: one small object next to the ledger."""

import asyncio

from overnight.storage.stores.store import ObjectMissing, ObjectStore


class StoredHeartbeat:
    """A Heartbeat in the object `prefix` + `heartbeat`: the only one that is ever replaced."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._key = f"{prefix}heartbeat"

    async def beat(self, sign: str) -> None:
        """Leave the sign in the place of the one before."""
        await asyncio.to_thread(self._store.replace, self._key, sign.encode())

    async def last(self) -> str:
        """Return the newest sign; empty if there has been none."""
        try:
            return (await asyncio.to_thread(self._store.get, self._key)).decode(errors="replace")
        except ObjectMissing:
            return ""
