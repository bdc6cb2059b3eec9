"""Answer questions about a history: what was spent, what waits for a person, whether more trials are worth it."""
