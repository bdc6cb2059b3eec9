"""Look at evaluations that go on after their processes have ended."""
