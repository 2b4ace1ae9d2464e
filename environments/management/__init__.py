"""What operators and scripts call."""
