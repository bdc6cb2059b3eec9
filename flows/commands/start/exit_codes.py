"""The exit codes of `overnight run`, for cron and for scripts."""

from enum import IntEnum

from overnight.campaign import History


class ExitCode(IntEnum):
    """`WELL` is also the end of a window and a request to stop; a campaign without a result is none of these."""

    WELL = 0
    STOPPED = 1
    WRONG_DEFINITION = 2
    NO_RESULT = 3


def exit_code_of(history: History) -> ExitCode:
    """Return how a run has ended that raised nothing: a finished campaign without any result of its own is no success.

    Imported results are none of its own.
    """
    tried = any(trial.attempts for trial in history.trials.values())
    has_result = any(
        t.outcome is not None and t.outcome.kind == "observed" for t in history.trials.values() if t.counted
    )
    return ExitCode.NO_RESULT if history.finished is not None and tried and not has_result else ExitCode.WELL
