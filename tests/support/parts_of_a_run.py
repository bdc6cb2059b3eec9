"""Parts of a GPU run that end badly after their first finding."""

import os
import signal

from benchmarks.speed.gpu.lines import Line
from benchmarks.speed.gpu.setting import Findings, Setting


def breaks(setting: Setting) -> Findings:
    yield Line("breaks", "the device", setting.device)
    raise ValueError("no luck")


def is_killed(setting: Setting) -> Findings:
    yield Line("is killed", "the device", setting.device, "cpu", held=True)
    os.kill(os.getpid(), signal.SIGKILL)
