"""Evaluate a checkpoint on long inputs."""
