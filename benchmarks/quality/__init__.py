"""What campaigns find: whole asynchronous campaigns in virtual time, ours and the peers', and who found more."""
