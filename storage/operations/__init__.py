"""Operations of another program, such as Optuna's on its studies, as a chain of files: the same promises as for events.

It imports the stores, and from the segments of events only their words and hashes.
"""

from overnight.storage.operations.operation_file import Operation
from overnight.storage.operations.operation_log import OperationLog

__all__ = ["Operation", "OperationLog"]
