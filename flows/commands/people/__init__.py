"""The subcommands that append what a person asks for while a campaign runs."""
