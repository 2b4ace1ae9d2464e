"""Kinds of operations for tests: work that is quick, slow, deaf or broken, on demand, in real workers too."""
