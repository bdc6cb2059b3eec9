"""`python -m overnight` is the `overnight` command."""

from overnight.flows.cli import main

main()
