"""Hostile files: what no checkpoint needs, and what every command must survive."""
