"""The subcommands that only read a campaign."""
