"""Learned against sinusoidal positions, each tuned alike; see ``python -m benchmarks.learned_or_sinusoidal -h``."""
