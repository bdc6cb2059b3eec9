"""Answer questions about a history: the amount spent, the trials that wait for a person, whether more are worth it."""
