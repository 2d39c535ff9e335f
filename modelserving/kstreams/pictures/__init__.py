"""A topology as data, and as a picture."""
