"""Evaluate real models on long inputs, search for an extension method, and calibrate tables."""
