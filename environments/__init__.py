"""Apps, the places they run in, the people, and how long work on a place lives and dies."""
