"""Find the position tables of a checkpoint and what their rows mean."""
