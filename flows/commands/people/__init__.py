"""The subcommands that append a person's requests while a campaign runs."""
