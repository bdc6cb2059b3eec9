"""The hours in which a campaign may run, such as `22:00–06:00 Europe/Berlin`; a pure function of the time.

A time of day on a date means the first instant at which the clocks of its zone show that date and time or later. So an
hour that the clocks skip begins at the jump, and of an hour that occurs twice the first occurrence counts.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from overnight.campaign.problems import did_you_mean

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_TEXT = re.compile(r"(\S+?)\s*[-–—]\s*(\S+)\s+(\S+)")
# A deployed campaign is started so often while its window is open. How long it may stand still at night: a killed
# controller reports nothing, and only another start finds that out. A start that finds all well costs its worker a few
# seconds, and a line on Prefect's pages. It divides an hour, as cron requires.
AGAIN = timedelta(minutes=15)
_A_DAY, _A_SECOND = timedelta(days=1), timedelta(seconds=1)
# A window may begin on another date than the one that the clocks show, and zones have skipped a whole day.
_DATES_AROUND = 2
_DATES_AHEAD = 21


def _read_time(value: Any) -> Any:
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected a time of day such as 22:00, got {value!r}")
    return time(int(found[1]), int(found[2]))


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        expected = "expected the name of a time zone such as Europe/Berlin or UTC"
        raise ValueError(f"{expected}, got {name!r}{did_you_mean(name, available_timezones())}") from None
    return name


TimeOfDay = Annotated[time, BeforeValidator(_read_time), WithJsonSchema({"type": "string", "pattern": r"^\d?\d:\d\d$"})]


class Window(BaseModel):
    """When a campaign may run: from one time of day to another, on every day or on the `days` on which it opens.

    `running` decides what happens to running evaluations when the window closes: `finish` lets them finish, `stop`
    stops them and tries them again in the next window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: Annotated[TimeOfDay, Field(alias="from")]
    shuts: Annotated[TimeOfDay, Field(alias="to")]
    zone: Annotated[str, AfterValidator(_known_zone)]
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = _DAYS
    running: Literal["finish", "stop"] = "finish"

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        if isinstance(data, Mapping | Window):
            return data
        found = _TEXT.fullmatch(data.strip()) if isinstance(data, str) else None
        if found is None:
            raise ValueError(f"expected a window such as `22:00–06:00 Europe/Berlin`, got {data!r}")
        return {"from": found[1], "to": found[2], "zone": found[3]}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "pattern": f"^{_TEXT.pattern}$"}, handler(schema)]}

    @model_validator(mode="after")
    def _takes_time(self) -> "Window":
        if self.opens == self.shuts:
            raise ValueError(f"expected a window between two different times, got {self.opens:%H:%M} twice")
        return self

    @model_serializer
    def _as_mapping(self) -> dict[str, Any]:
        times = {"from": f"{self.opens:%H:%M}", "to": f"{self.shuts:%H:%M}"}
        return {**times, "zone": self.zone, "days": list(self.days), "running": self.running}

    def __str__(self) -> str:
        days = "" if set(self.days) == set(_DAYS) else f" on {', '.join(day for day in _DAYS if day in self.days)}"
        return f"{self.opens:%H:%M}–{self.shuts:%H:%M} {self.zone}{days}"

    @property
    def length(self) -> timedelta:
        """Return how long the window is open on a day without a clock change."""
        length = timedelta(hours=self.shuts.hour - self.opens.hour, minutes=self.shuts.minute - self.opens.minute)
        return length if length > timedelta() else length + _A_DAY

    def is_open(self, moment: datetime) -> bool:
        """Return whether the window is open at this moment; at the moment when it closes it is not."""
        return self.closes(moment) is not None

    def closes(self, moment: datetime) -> datetime | None:
        """Return when the window that is open at this moment closes; None if it is not open."""
        return next((end for start, end in self._around(moment) if start <= moment < end), None)

    def opened(self, moment: datetime) -> datetime | None:
        """Return when the window that is open at this moment opened; None if it is not open."""
        return next((start for start, end in self._around(moment) if start <= moment < end), None)

    def next_opening(self, moment: datetime) -> datetime:
        """Return the first moment after this one at which the window opens."""
        return next(start for start, _ in self._around(moment) if start > moment)

    def next_start(self, moment: datetime) -> datetime:
        """Return when the schedule of a deployed campaign starts it next: at an opening, or `AGAIN` after a start."""
        opened, closes = self.opened(moment), self.closes(moment)
        if opened is not None and closes is not None:
            start = opened + ((moment - opened) // AGAIN + 1) * AGAIN
            if start < closes:
                return start
        return self.next_opening(moment)

    def local_text(self, moment: datetime) -> str:
        """Return a moment as the clocks of the window's zone show it."""
        return f"{moment.astimezone(ZoneInfo(self.zone)):%a %Y-%m-%d %H:%M %Z}"

    def _around(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield when the window opens and closes, in order, from shortly before this moment."""
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        for distance in range(-_DATES_AROUND, _DATES_AHEAD):
            day = today + timedelta(days=distance)
            if _DAYS[day.weekday()] in self.days:
                start, end = self._on(day)
                # If the clocks skip the whole window, it does not open.
                if start < end:
                    yield start, end

    def _on(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.shuts > self.opens else day + _A_DAY
        return _instant(day, self.opens, self.zone), _instant(last, self.shuts, self.zone)


@lru_cache(maxsize=1024)
def _instant(day: date, at: time, zone: str) -> datetime:
    """Return the first instant, in UTC, at which the clocks of a zone show this date and time or later."""
    wall, of_zone = datetime.combine(day, at), ZoneInfo(zone)

    def shown(instant: datetime) -> datetime:
        return instant.astimezone(of_zone).replace(tzinfo=None)

    instant, other = (wall.replace(tzinfo=of_zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if shown(instant) == wall:
        return instant
    # No clock ever shows this time: its two readings lie on either side of the jump.
    while instant - other > _A_SECOND:
        middle = other + (instant - other) // _A_SECOND // 2 * _A_SECOND
        instant, other = (instant, middle) if shown(middle) < wall else (middle, other)
    return instant
