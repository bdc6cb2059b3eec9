"""The subcommands of `overnight`, one module for each or for a few related ones."""
