"""The history of a campaign: its events, and the trials that follow from them."""
