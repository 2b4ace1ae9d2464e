"""The page's door to environments."""
