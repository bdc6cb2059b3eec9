"""Results that look like glitches; may import data, the surrogate and the settings, and chooses no point."""

from overnight.bo_core.suspects.suspects import Suspect, suspects_among, without

__all__ = ["Suspect", "suspects_among", "without"]
