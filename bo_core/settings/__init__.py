"""What a campaign may name in its file: acquisitions, surrogates and code of its own; without torch."""
