"""The page's door to backups."""
