"""The running process and its machine: clock, signals, terminal, identity, environment. Imports no other folder."""
