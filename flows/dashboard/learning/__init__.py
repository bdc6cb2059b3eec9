"""What the model of a running campaign has learnt so far, computed by a process of its own."""
