"""Places that hold named objects: a directory or a bucket. They know nothing of events."""
