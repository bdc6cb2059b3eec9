"""The choice of a batch, point by point; may import everything of the core except its entrances and `appraisal`."""

from overnight.bo_core.choice.asked import Asked
from overnight.bo_core.choice.candidate import Candidate, Prepared, Repetitions
from overnight.bo_core.choice.choice import Choice, effort_of

__all__ = ["Asked", "Candidate", "Choice", "Prepared", "Repetitions", "effort_of"]
