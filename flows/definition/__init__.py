"""The campaign file: read it, check it, translate what is wrong into the words of the file."""
