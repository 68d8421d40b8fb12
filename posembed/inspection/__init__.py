"""What is known of a checkpoint's tables: what was found, what limits its input, what was measured."""
