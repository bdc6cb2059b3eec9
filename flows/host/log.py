"""The log for messages that have no other display."""

import logging

from overnight.campaign.values.harmless import harmless

# Where those are told of trouble who brought nothing else to tell them.
LOG = logging.getLogger("overnight")


def _harmless(record: logging.LogRecord) -> bool:
    record.msg, record.args = harmless(record.getMessage()), ()
    return True


LOG.addFilter(_harmless)
