"""Keep numbers and torch safe: ranges, threads, global state, the software stack. Imports nothing of ours."""
