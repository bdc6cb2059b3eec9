"""Weight a score by what a candidate costs and by how likely it is to give a result."""
