"""What a ledger costs: appends, reads, proofs and SQL, on a directory and on an S3 server, beside what others use."""
