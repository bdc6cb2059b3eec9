"""Ending what a script has started when the script is asked to end, by whatever signal."""

import signal
from types import FrameType

_ASKS = (signal.SIGTERM, signal.SIGHUP)


def end_as_by_ctrl_c() -> None:
    """Have the signals that ask a process to end raise KeyboardInterrupt, once, as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        for asks in _ASKS:
            signal.signal(asks, signal.SIG_IGN)
        raise KeyboardInterrupt

    for asks in _ASKS:
        signal.signal(asks, end)
