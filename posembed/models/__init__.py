"""Live models and their weights."""
