"""Errors that outcomes share: the shifts of batches, and the shortfall of outcomes below full fidelity.

`lower` computes beliefs about such outcomes from a posterior; the others know no posterior.
"""

from overnight.bo_core.surrogate.errors.batches import BatchShifts
from overnight.bo_core.surrogate.errors.shared import NAMES_OF, ErrorsName, SharedErrors, count_of
from overnight.bo_core.surrogate.errors.shortfall import Shortfall

__all__ = ["NAMES_OF", "BatchShifts", "ErrorsName", "SharedErrors", "Shortfall", "count_of"]
