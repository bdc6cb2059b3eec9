"""bo_core."""
