"""How a database leaves and enters an environment."""
