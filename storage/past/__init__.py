"""Results of another time, wherever they were kept, as rows for a new campaign."""
