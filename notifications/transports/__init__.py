"""Ways to notify."""
