"""Position tables as plain arrays: NumPy and SciPy, no torch."""
