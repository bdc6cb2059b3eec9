"""Reports that a run sends to people when it ends, through Apprise; addresses are only in the environment."""
