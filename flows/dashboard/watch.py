"""All campaigns at a place, each followed from the first time that somebody asks for it."""

import asyncio
from time import monotonic

from overnight.campaign.errors import OvernightError
from overnight.flows.api.place import Place
from overnight.flows.dashboard.followed import Followed, seen_of
from overnight.storage import KeptCampaign, kept_in

# A listing takes at most this share of the time.
_SHARE = 0.3
# Seconds to wait for an answer of the store.
_PATIENCE = 5.0
# So many campaigns are read at once.
_AT_ONCE = 8


class Watch:
    """The campaigns at a place. Nothing is read unless a method is called."""

    def __init__(self, place: Place, every: float = 0.5) -> None:
        self.place, self.every = place, every
        self._followed: dict[str, Followed] = {}
        self._kept: tuple[KeptCampaign, ...] = ()
        self._problem = ""
        self._listing: asyncio.Task[None] | None = None
        self._next = 0.0
        # However many campaigns are looked at, one process holds torch.
        self._one_model_at_a_time = asyncio.Semaphore(1)

    async def listed(self) -> tuple[tuple[KeptCampaign, ...], str]:
        """Return the campaigns at the place, and why they cannot be listed, if so; at most `every` seconds old."""
        if self._listing is None and monotonic() >= self._next:
            self._listing = asyncio.create_task(self._list())
        if self._listing is not None:
            # As in `Followed.look`, one listing at a time waits for a bucket that does not answer.
            done, _ = await asyncio.wait({self._listing}, timeout=_PATIENCE)
            if not done:
                return self._kept, f"{self.place.address}: does not answer for some seconds. It is asked again."
        return self._kept, self._problem

    def known(self, name: str) -> Followed | None:
        """Return a campaign that is followed already."""
        return self._followed.get(name)

    async def followed(self, name: str) -> Followed | None:
        """Return a campaign of this place; None if there is no such campaign."""
        known = self._followed.get(name)
        if known is None and await self._is_there(name):
            known = self._followed.setdefault(name, Followed(self.place, name, self._one_model_at_a_time))
        return known

    async def _is_there(self, name: str) -> bool:
        if name == self.place.only or await self._is_listed(name):
            return True
        # It may have begun since the last listing.
        await asyncio.sleep(max(self._next - monotonic(), 0.0))
        return await self._is_listed(name)

    async def _is_listed(self, name: str) -> bool:
        return name in {each.name for each in (await self.listed())[0]}

    async def read_new(self) -> None:
        """Read what is new in the only campaign, or in some of those that have changed."""
        only = self.place.only
        names = self._behind((await self.listed())[0])[:_AT_ONCE] if only is None else [only]
        found = [await self.followed(name) for name in names]
        await asyncio.gather(*(known.look(self.every) for known in found if known is not None))

    def _behind(self, kept: tuple[KeptCampaign, ...]) -> list[str]:
        """Return the campaigns of which not all segments were read, first those that could be read last time."""
        seen = {each.name: seen_of(self.known(each.name)) for each in kept}
        behind = [
            each.name for each in kept if (each.segments, each.hash) != (seen[each.name].head, seen[each.name].hash)
        ]
        behind.sort(key=lambda name: bool(seen[name].problem))
        return behind

    async def _list(self) -> None:
        began = monotonic()
        try:
            self._kept = tuple(await asyncio.to_thread(kept_in, self.place.store))
            self._problem = ""
        except (OvernightError, OSError) as problem:
            self._problem = str(problem)
        finally:
            self._next = monotonic() + max(self.every, (monotonic() - began) / _SHARE)
            self._listing = None
