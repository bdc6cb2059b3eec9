"""Turn signals that ask a script to end into KeyboardInterrupt, so that it ends the processes it has started."""

import signal
from types import FrameType

_ASKS = (signal.SIGTERM, signal.SIGHUP)


def end_as_by_ctrl_c() -> None:
    """Make the signals that ask a process to end raise KeyboardInterrupt once, as Ctrl-C does."""

    def end(number: int, frame: FrameType | None) -> None:
        for asks in _ASKS:
            signal.signal(asks, signal.SIG_IGN)
        raise KeyboardInterrupt

    for asks in _ASKS:
        signal.signal(asks, end)
