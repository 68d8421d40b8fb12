"""Train a checkpoint's position table alone."""
