"""The subcommands that create, check, run, deploy or fill a campaign."""
