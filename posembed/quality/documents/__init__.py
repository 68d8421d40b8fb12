"""Texts with a title and sections, read from files of several kinds."""
