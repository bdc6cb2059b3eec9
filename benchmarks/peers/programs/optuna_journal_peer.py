"""Optuna's JournalStorage: each event is a line of a file; it has no backend for buckets."""

import sys

from optuna.storages.journal import JournalFileBackend
from timed_appends import tell


def main(place: str, commits: int) -> None:
    """Time the given number of appends to a journal in `place`."""
    if "://" in place:
        sys.exit("it has no backend for object storage")
    journal = JournalFileBackend(f"{place}/journal.log")
    tell(lambda body: journal.append_logs([{"body": body}]), lambda: len(list(journal.read_logs(0))), commits)


main(sys.argv[1], int(sys.argv[2]))
