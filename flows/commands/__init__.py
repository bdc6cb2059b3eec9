"""One subcommand of `overnight` a file."""
