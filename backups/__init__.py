"""Backups of environments: made, kept, downloaded, restored."""
