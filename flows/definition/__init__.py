"""The campaign file: read it, check it, and report mistakes in the words of the file."""
