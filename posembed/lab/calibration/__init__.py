"""Train the position table of a checkpoint alone, everything else frozen."""
