"""Weight a score by what a candidate costs, how likely it is to give a result, and whether it is hopeless."""
