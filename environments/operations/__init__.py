"""What can be done with an environment itself, one file per verb."""
