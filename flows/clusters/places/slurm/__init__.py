"""Evaluations as jobs of a Slurm cluster: the controller's side, the job's side, and the messages between them."""
