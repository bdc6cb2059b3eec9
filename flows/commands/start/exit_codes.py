"""The exit codes of `overnight run`, for cron and for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """`WELL` includes the end of a window and a request to stop, but not a finished campaign without a result."""

    WELL = 0
    STOPPED = 1
    WRONG_DEFINITION = 2
    NO_RESULT = 3
    # 128 and the number of SIGINT, as shells have it.
    INTERRUPTED = 130
