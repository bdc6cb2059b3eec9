"""The environment of an evaluation, and the redaction of secrets from everything that is recorded."""
