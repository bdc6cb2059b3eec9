"""Look at evaluations that continue after their processes have ended."""
