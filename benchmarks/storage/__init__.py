"""The cost of a ledger: appends, reads, proofs and SQL, in a directory and on an S3 server, compared with peers."""
