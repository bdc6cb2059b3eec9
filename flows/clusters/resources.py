"""The resources that one evaluation needs."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from overnight.campaign.values.numbers import WHOLE, Real

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|[kKMGT]i?B?)?")
_DECIMAL = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# The variables from which common numerical libraries read how many threads they may start.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

_MOST = timedelta(days=10_000)


def parse_size(value: Any) -> Any:
    """Return bytes for `4GB`, `512MiB` or a number of bytes; leave other types alone."""
    if not isinstance(value, bool | str):
        return value
    found = _SIZE.fullmatch(str(value).strip())
    if found is None:
        raise ValueError(f"expected a size such as 512MB, 4GB or 4GiB, got {value!r}")
    unit = (found[2] or "B").upper()
    factors = _BINARY if "I" in unit else _DECIMAL
    return round(float(found[1]) * factors.get(unit[0], 1))


def _positive(value: int) -> int:
    if value <= 0:
        raise ValueError(f"expected a size above zero, got {value}")
    return value


Size = Annotated[
    int,
    WHOLE,
    BeforeValidator(parse_size),
    AfterValidator(_positive),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "bytes, or 512MB, 4GB, 4GiB"}),
]


class Resources(BaseModel):
    """The resources that one evaluation needs, as far as they are known. `memory` is in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpus: Annotated[Real, Field(gt=0, allow_inf_nan=False)] | None = None
    gpus: Annotated[int, Field(ge=0), WHOLE] | None = None
    memory: Size | None = None

    def named(self) -> dict[str, float | int]:
        """Return the requested resources by name."""
        return self.model_dump(exclude_none=True)

    def variables(self) -> tuple[str, ...]:
        """Return the environment variables that limit numerical libraries to `cpus` threads, at least one."""
        if self.cpus is None:
            return ()
        return tuple(f"{name}={max(1, int(self.cpus))}" for name in _THREADS)


@dataclass(frozen=True)
class Needs:
    """The needs of one evaluation at the place that runs it."""

    resources: Resources
    time_limit: timedelta
    grace: timedelta

    @property
    def longest(self) -> timedelta:
        """Return how long it may take: its time limit with its grace, each cut to a length that can be added to."""
        return min(self.time_limit, _MOST) + min(self.grace, _MOST)
