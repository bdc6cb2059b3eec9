"""The log for messages that have no other display."""

import logging

from overnight.campaign.values.harmless import harmless

# The default for callers that pass no `notify` of their own.
LOG = logging.getLogger("overnight")


def _harmless(record: logging.LogRecord) -> bool:
    record.msg, record.args = harmless(record.getMessage()), ()
    return True


LOG.addFilter(_harmless)
