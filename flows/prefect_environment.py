"""How Prefect is set up where nobody has set it up: on this machine, quiet, and without a word to anybody.

Prefect reads its environment when it is imported, so this comes first.
"""

import os
from pathlib import Path

_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_CLIENT_MAX_RETRIES": "10",
}
_OF_A_LOCAL_SERVER = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # Nobody can look at a server that lives as long as one campaign. Its background writers would only lock
    # the SQLite file, and each lock makes the next task wait for 2 s.
    **{
        f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false"
        for name in ("EVENT_PERSISTER", "TASK_RUN_RECORDER", "SCHEDULER", "LATE_RUNS", "TRIGGERS", "FOREMAN")
    },
}


def prepare_prefect(home: Path) -> None:
    """Set what the environment leaves open; without PREFECT_API_URL a server of our own lives in `home`.

    A home for each campaign keeps two of them from locking each other's database.
    """
    settings = dict(_QUIET)
    if "PREFECT_API_URL" not in os.environ:
        home.mkdir(parents=True, exist_ok=True)
        settings |= _OF_A_LOCAL_SERVER | {"PREFECT_HOME": str(home.resolve())}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
