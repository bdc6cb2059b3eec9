"""The names that a campaign file may use: acquisitions, surrogates and the user's own code. Imports no torch."""
