"""A party's own directory and its side of the talks."""
