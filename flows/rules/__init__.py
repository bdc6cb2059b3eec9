"""Pure functions that decide from a history alone which trials start, which are retried, and how an attempt ended."""
