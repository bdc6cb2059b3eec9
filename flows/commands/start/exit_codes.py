"""The exit codes of `overnight run`, for cron and for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """`WELL` is also the end of a window and a request to stop; a campaign without a result is none of these."""

    WELL = 0
    STOPPED = 1
    WRONG_DEFINITION = 2
    NO_RESULT = 3
