"""What can be done with backups, one file per verb."""
