"""Retrieval tasks made from local text: one file per task."""
