"""The subcommands that serve a web page until Ctrl-C."""
