"""What is decided without touching anything: pure functions of their arguments."""
