"""The demo: embedded PostgreSQL, a small real app, a few weeks of history."""
