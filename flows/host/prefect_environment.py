"""Defaults for Prefect's settings: local, quiet, without telemetry.

Prefect reads its environment when it is imported, so they must be set before.
"""

import errno
import os
from pathlib import Path

from overnight.campaign.errors import CannotStart
from overnight.evaluators.processes.private_folder import private_folder
from overnight.flows.host.named_server import named_server

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_CLIENT_MAX_RETRIES": "10",
}
_LOOPBACK = "127.0.0.1"
# For every job that a worker starts. To find the hooks of a killed run, Prefect starts a script next to a `storage` of
# its own, which would hide ours.
JOB_ENVIRONMENT = {"PYTHONSAFEPATH": "1"}
# A user's own server receives the output of evaluations, which this terminal need not show.
_WITH_NAMED_SERVER = {
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
}
_WITH_PRIVATE_SERVER = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # A failure is already an event in the ledger and an exception here; Prefect need not report it, too.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    # The background writers of a server that lives as long as one campaign would only lock the SQLite file, and each
    # lock makes the next task wait for 2 s.
    **{
        f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false"
        for name in ("EVENT_PERSISTER", "TASK_RUN_RECORDER", "SCHEDULER", "LATE_RUNS", "TRIGGERS", "FOREMAN")
    },
}


def prepare_prefect(home: Path) -> None:
    """Set the variables that the environment leaves unset; with a private server, Prefect keeps everything in `home`.

    With a home for each campaign, two campaigns never lock each other's database. Raises CannotStart if this user
    cannot write to `home`.
    """
    if named_server() is not None:
        settings = QUIET | _WITH_NAMED_SERVER
    else:
        _make_writable_folder(home)
        settings = QUIET | _WITH_PRIVATE_SERVER
        # This replaces a home that the environment names: the campaign must not leave anything there.
        os.environ["PREFECT_HOME"] = str(home.resolve())
        _ask_no_proxy()
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _ask_no_proxy() -> None:
    """Keep requests to this machine from going through a proxy that the environment names."""
    for name in ("no_proxy", "NO_PROXY"):
        named = os.environ.get(name, "")
        if _LOOPBACK not in named.split(","):
            os.environ[name] = f"{named},{_LOOPBACK}" if named else _LOOPBACK


def _make_writable_folder(folder: Path) -> None:
    try:
        private_folder(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as problem:
        raise CannotStart(
            f"work: cannot write `{folder}`: {problem.strerror}. Let this user read and write the folder, or name "
            "another one with `work` in the campaign's file. Nothing was started."
        ) from None
