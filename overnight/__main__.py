"""Run the `overnight` command as `python -m overnight`."""

from overnight.flows.cli import main

if __name__ == "__main__":
    main()
