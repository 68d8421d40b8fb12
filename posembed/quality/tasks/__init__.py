"""Retrieval tasks made from text."""
