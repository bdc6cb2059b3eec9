"""What an evaluation sees of the environment, and keeping secrets out of everything that is recorded."""
