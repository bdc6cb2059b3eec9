"""`python -m overnight` is the `overnight` command."""

from overnight.flows.cli import main

if __name__ == "__main__":
    main()
