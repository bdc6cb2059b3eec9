"""The warnings of Apprise, which go no further than to the caller."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Heard(logging.Filter):
    """The last warning of Apprise in this thread; it has no other way to report why something failed.

    Its messages go no further, because they might name an address.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last = ""
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the message of this thread, and return whether a record is one of another thread."""
        if record.thread != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            self.last = record.getMessage()
        return False


@contextmanager
def hearing_apprise() -> Iterator[Heard]:
    """Keep the warnings of Apprise in this thread away from the terminal and the logs."""
    heard, logger = Heard(), logging.getLogger("apprise")
    logger.addFilter(heard)
    try:
        yield heard
    finally:
        logger.removeFilter(heard)
