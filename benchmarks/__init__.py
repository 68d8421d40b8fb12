"""Timings as ratios, candidates alternating in one process; never part of the tests."""
