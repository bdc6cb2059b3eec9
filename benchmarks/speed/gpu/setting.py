"""The settings that all parts of a run share."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import torch

from benchmarks.speed.gpu.lines import Line
from benchmarks.speed.origin import Origin
from benchmarks.speed.results import Row

# A part yields its findings one by one, so that those before a kill are kept.
Findings = Iterator[Line | Row]


@dataclass(frozen=True)
class Setting:
    """The device, the sizes and the limits of a run.

    `sizes` are numbers of observations for asks. `campaigns` of at most `campaign_size` observations are refitted
    together, `alone` of them also one by one. BoTorch is given up on at a size if an ask takes longer than
    `rival_seconds`. `seconds` is the time of a part from `began`, in seconds of the monotonic clock. `threads` is the
    number of CPU threads of each contestant.
    """

    device: str = "cuda"
    sizes: tuple[int, ...] = (1000, 5000, 10_000, 20_000)
    campaigns: int = 1000
    campaign_size: int = 200
    alone: int = 40
    rival_seconds: float = 60.0
    threads: int = 2
    command: str = ""
    commit: str = ""
    seconds: float = 1e9
    began: float = field(default_factory=time.monotonic)

    def as_json(self) -> str:
        """Return the text from which `of_json` restores these settings in another process of this machine."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> "Setting":
        """Restore settings."""
        fields = json.loads(text)
        return cls(**{**fields, "sizes": tuple(fields["sizes"])})

    @property
    def left(self) -> float:
        """Return the seconds that the part has left."""
        return self.began + self.seconds - time.monotonic()

    @property
    def on_cuda(self) -> bool:
        """Return whether the device is a GPU."""
        return self.device == "cuda"

    def origin(self) -> Origin:
        """Return the origin of measurements on the device."""
        here = Origin.here()
        machine = f"{torch.cuda.get_device_name()}; {here.machine}" if self.on_cuda else here.machine
        return replace(here, machine=machine, command=self.command, commit=self.commit)


def wait_for_device(setting: Setting) -> None:
    """Return once the device has finished."""
    if setting.on_cuda:
        torch.cuda.synchronize()


def release_memory(setting: Setting) -> None:
    """Return unused memory to the device, because other processes need it."""
    if setting.on_cuda:
        torch.cuda.empty_cache()
