"""Train only the position table of a checkpoint."""
