"""Calibration and baselines on real manuals: which vector of a long page do its title and its sections find?"""
