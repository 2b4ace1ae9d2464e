"""S3 stores for tests: a real one, and one that fails as it is told."""
