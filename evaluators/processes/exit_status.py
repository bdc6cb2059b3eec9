"""Attribute the end of a process to the point, to the machine, or to neither."""

import errno
import signal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from overnight.campaign.evaluation import Cause

RETRY_EXIT_CODE = 75
_BY_ITSELF = {
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGTRAP,
    signal.SIGSYS,
    signal.SIGXCPU,
    signal.SIGXFSZ,
}
_SHELL_ADDS = 128
# Errors of a machine that lacks something or is busy: neither the point nor the program is to blame.
OF_THE_MACHINE = {
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EROFS,
    errno.ETXTBSY,
}


class Exit(BaseModel):
    """How an evaluation ended, as its supervisor saw it; a negative `status` is the signal that killed it.

    `stopped` is `returned` if the evaluation had stored its result but did not end by itself. `oom_kills` counts the
    processes that the kernel killed to free memory while the evaluation ran: in its control group, or on the whole
    machine if the group has no count. `mark` is the claim's. `result` is the hash of the result's file, None without
    one. Older records have neither `mark` nor `result`.
    """

    model_config = ConfigDict(frozen=True)

    status: int | None = None
    stopped: Literal["timeout", "cancelled", "foreign_signal", "returned"] | None = None
    seconds: float = 0.0
    start_error: str | None = None
    start_errno: int | None = None
    oom_kills: int = 0
    mark: str | None = None
    result: str | None = None


def failure_of_exit(ended: Exit) -> tuple[Cause, str] | None:
    """Return the cause and the message of a bad end; None if the result has to be read."""
    if ended.start_error is not None:
        passing = ended.start_errno in OF_THE_MACHINE
        return "infrastructure" if passing else "configuration", f"could not be started: {ended.start_error}"
    if ended.stopped == "timeout":
        return "timeout", f"stopped after {ended.seconds:.1f}s because its time limit had passed"
    if ended.stopped == "cancelled":
        return "cancelled", f"stopped on request after {ended.seconds:.1f}s"
    if ended.stopped == "foreign_signal":
        how = f"stopped after {ended.seconds:.1f}s, because its supervisor received a signal to end"
        return "infrastructure", f"{how} that Overnight did not send"
    if ended.stopped == "returned":
        return None
    status = ended.status or 0
    number = _signal_of(status)
    if number is not None:
        return _failure_of_signal(number, status, ended.oom_kills)
    if status == RETRY_EXIT_CODE:
        return "infrastructure", f"ended with exit code {status}, which asks for another attempt"
    if status > 0:
        return "configuration", f"ended with exit code {status}"
    return None


def ended_by_itself(ended: Exit) -> bool:
    """Return whether the exit code is the evaluation's own: neither a signal nor Overnight ended it."""
    return ended.stopped is None and _signal_of(ended.status or 0) is None


def _signal_of(status: int) -> int | None:
    """Return the signal that killed a program, or that a shell reports to have killed its command."""
    if status < 0:
        return -status
    said = status - _SHELL_ADDS
    # Only the standard signals: programs give larger exit codes meanings of their own.
    return said if 0 < said < signal.SIGRTMIN and _signal_name(said).startswith("SIG") else None


def _failure_of_signal(number: int, status: int, oom_kills: int) -> tuple[Cause, str]:
    how = f"killed by {_signal_name(number)}" + (f" (exit code {status})" if status > 0 else "")
    if number in _BY_ITSELF:
        return "configuration", f"{how}, which a program causes itself"
    if number == signal.SIGKILL and oom_kills > 0:
        return "configuration", f"{how} while the kernel was killing processes to free memory: out of memory"
    return "infrastructure", f"{how}, which Overnight did not send"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
